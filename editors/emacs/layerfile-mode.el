;;; layerfile-mode.el --- Layerfiles, and their server for Eglot -*- lexical-binding: t; -*-

;; Version: 0.1.0
;; Package-Requires: ((emacs "29.1"))
;; SPDX-License-Identifier: MIT OR Apache-2.0

;;; Commentary:
;; A major mode for files called `Layerfile'.  With Eglot, which comes with Emacs, everything else is
;; the server's: M-x eglot, or (add-hook 'layerfile-mode-hook #'eglot-ensure).

;;; Code:

(require 'layerfile-keywords)

(defgroup layerfile nil
  "Layerfiles."
  :group 'languages)

(defcustom layerfile-indent-offset 4
  "How far the lines that continue an instruction are indented."
  :type 'natnum
  :safe #'natnump)

(defcustom layerfile-server-command '("layerc" "lsp")
  "The language server and its arguments."
  :type '(repeat string))

(defun layerfile--keyword-regexp (keywords)
  "A regexp for one of KEYWORDS at the start of a line, in its first group."
  (let ((words (mapcar (lambda (keyword)
                         (mapconcat #'regexp-quote (split-string keyword) "[ \t]+"))
                       ;; Longest first: RUN BACKGROUND before RUN.
                       (sort (copy-sequence keywords)
                             (lambda (left right) (> (length left) (length right)))))))
    (concat "^[ \t]*\\(?:" layerfile-keywords-prefix "[ \t]+\\)?\\("
            (mapconcat #'identity words "\\|") "\\)\\(?:[ \t\\]\\|$\\)")))

(defvar layerfile-font-lock-keywords
  `((,(layerfile--keyword-regexp layerfile-keywords-directives) 1 font-lock-keyword-face)
    (,(concat "\\$\\(?:{\\)?" (regexp-opt layerfile-keywords-variables t) "\\_>")
     1 font-lock-builtin-face t)
    ("\\$\\(?:{\\([^}\n]+\\)}\\|\\([A-Za-z_][A-Za-z_0-9]*\\)\\)"
     (1 font-lock-variable-name-face nil t) (2 font-lock-variable-name-face nil t))
    ("\\(?:ENV\\|LABEL\\|IF\\)[ \t]+\\([^ \t\n=!]+\\)[ \t]*!?=" 1 font-lock-variable-name-face)
    ("^[ \t]*\\(?:FROM\\|WAIT\\)[ \t]+\\(.+\\)$" 1 font-lock-constant-face)
    ("\\\\[ \t]*$" 0 'font-lock-escape-face))
  "What is coloured before the server answers.")

(defvar layerfile-mode-syntax-table
  (let ((table (make-syntax-table)))
    (modify-syntax-entry ?# "<" table)
    (modify-syntax-entry ?\n ">" table)
    (modify-syntax-entry ?\" "\"" table)
    (modify-syntax-entry ?' "." table)
    (modify-syntax-entry ?_ "_" table)
    table)
  "A number sign starts a comment, double quotes a string.")

(defun layerfile--comments (start end)
  "Between START and END, take the meaning from each `#' that is inside a word."
  (goto-char start)
  (while (re-search-forward "[^ \t\n]\\(#\\)" end t)
    (put-text-property (match-beginning 1) (match-end 1) 'syntax-table '(1))))

(defun layerfile-indent-line ()
  "Indent the lines that continue an instruction."
  (let* ((continues (lambda (offset)
                      (save-excursion
                        (and (zerop (forward-line offset))
                             (looking-at-p ".*\\\\[ \t]*$")))))
         (column (if (funcall continues -1) layerfile-indent-offset 0)))
    (if (<= (current-column) (current-indentation))
        (indent-line-to column)
      (save-excursion (indent-line-to column)))))

;;;###autoload
(define-derived-mode layerfile-mode prog-mode "Layerfile"
  "Major mode for Layerfiles."
  (setq-local comment-start "# "
              comment-start-skip "#+[ \t]*"
              comment-end ""
              indent-line-function #'layerfile-indent-line
              syntax-propertize-function #'layerfile--comments
              font-lock-defaults '(layerfile-font-lock-keywords)))

;;;###autoload
(add-to-list 'auto-mode-alist '("\\(?:/\\|\\`\\)[Ll]ayer[Ff]ile\\'" . layerfile-mode))
;;;###autoload
(add-to-list 'auto-mode-alist '("\\.layerfile\\'" . layerfile-mode))

(with-eval-after-load 'eglot
  (add-to-list 'eglot-server-programs
               `(layerfile-mode . ,(lambda (&rest _) layerfile-server-command))))

(provide 'layerfile-mode)
;;; layerfile-mode.el ends here
