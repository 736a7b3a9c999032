;;; session.el --- One session in a real Emacs with the mode and the server -*- lexical-binding: t; -*-

;;; Commentary:
;; Started by the test in the repository, with the mode on the load path and the server on the PATH.  Prints a line for
;; each check; the exit code says whether all held.

;;; Code:

(require 'layerfile-mode)
(require 'eglot)
(require 'flymake)

(defvar session-failures 0)

(defun session-check (name holds &optional details)
  "Print whether the check called NAME HOLDS, with DETAILS if it doesn't."
  (if holds
      (princ (format "ok      %s\n" name))
    (setq session-failures (1+ session-failures))
    (princ (format "NOT OK  %s: %S\n" name details))))

(defun session-await (get)
  "What GET gives, once it gives something; at most ten seconds."
  (let ((end (+ (float-time) 10)) value)
    (while (and (not (setq value (funcall get))) (< (float-time) end))
      (accept-process-output nil 0.05))
    value))

(defun session-face-at (text)
  "The face at the first place of TEXT."
  (goto-char (point-min))
  (search-forward text)
  (get-text-property (match-beginning 0) 'face))

(defun session-mode ()
  (session-check "the mode is chosen by name" (eq major-mode 'layerfile-mode) major-mode)
  (font-lock-ensure)
  (session-check "keywords are coloured" (eq (session-face-at "FROM") 'font-lock-keyword-face) (session-face-at "FROM"))
  (session-check "names are coloured" (eq (session-face-at "GREETING") 'font-lock-variable-name-face))
  (goto-char (point-min))
  (search-forward "    true")
  (delete-horizontal-space)
  (beginning-of-line)
  (delete-horizontal-space)
  (indent-for-tab-command)
  (session-check "continued lines are indented" (= (current-indentation) 4) (current-indentation))
  (set-buffer-modified-p nil))

(defun session-server ()
  (apply #'eglot--connect (eglot--guess-contact))
  (session-check "the server attaches" (eglot-current-server))
  (session-check "the server is told the mode's language" (equal (eglot--languageId (eglot-current-server)) "layerfile")
                 (eglot--languageId (eglot-current-server)))
  (flymake-mode 1)
  (flymake-start)
  (let* ((found (session-await #'flymake-diagnostics))
         (texts (mapconcat #'flymake-diagnostic-text found "\n")))
    (session-check "findings have their code" (string-search "LF0010" texts) texts))
  (goto-char (point-min))
  (search-forward "RUN")
  (let ((hover (jsonrpc-request (eglot-current-server) :textDocument/hover (eglot--TextDocumentPositionParams))))
    (session-check "hover explains a keyword" (string-search "bash command" (format "%S" hover)) hover))
  (goto-char (point-min))
  (search-forward "../ba")
  (condition-case refusal
      (progn (eglot-rename "core") (session-check "a layer keeps its name where no directory moves" nil "renamed"))
    (error (session-check "a layer keeps its name where no directory moves"
                          (string-search "moves no files" (format "%S" refusal)) refusal)))
  (eglot-shutdown (eglot-current-server))
  (session-check "the server ends" (not (eglot-current-server))))

(let ((coding-system-for-read 'utf-8))
  (find-file "tests/Layerfile"))
(condition-case problem
    (progn (session-mode) (session-server))
  (error (session-check "no error" nil problem)))
(kill-emacs (min session-failures 1))

;;; session.el ends here
