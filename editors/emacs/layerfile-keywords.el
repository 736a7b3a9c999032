;;; layerfile-keywords.el --- Keywords of Layerfiles -*- lexical-binding: t; -*-
;;; Commentary:
;; Generated from compiler/src/catalog. Change that, then: UPDATE_EDITOR_FILES=1 cargo test --package layerc-tests --test editor_files
;;; Code:

(defconst layerfile-keywords-directives
  '(
    "FROM"
    "RUN"
    "RUN BACKGROUND"
    "RUN REPEATABLE"
    "COPY"
    "ENV"
    "BUILD ENV"
    "SECRET ENV"
    "CACHE"
    "CHECKPOINT"
    "EXPOSE WEBSITE"
    "EXPOSE TCP"
    "MEMORY"
    "SETUP FILE"
    "SPLIT"
    "USER"
    "WAIT"
    "WORKDIR"
    "BUTTON"
    "CLONE"
    "LABEL"
    "SKIP REMAINING IF"
    "AWS"
    "ARTIFACT")
  "Keywords of all directives.")

(defconst layerfile-keywords-shell-directives
  '(
    "RUN"
    "RUN BACKGROUND"
    "RUN REPEATABLE")
  "Keywords of the directives that take a shell command.")

(defconst layerfile-keywords-variables
  '(
    "API_EXTRA"
    "CI"
    "CI_MACHINE"
    "DEBIAN_FRONTEND"
    "DEPLOYMENT_HOST"
    "EXPOSE_WEBSITE_HOST"
    "EXPOSE_WEBSITE_URL"
    "GIT_BRANCH"
    "GIT_CLONE_URL"
    "GIT_CLONE_USER"
    "GIT_COMMIT"
    "GIT_COMMIT_TITLE"
    "GIT_SHORT_COMMIT"
    "GIT_TAG"
    "IN_CI"
    "IN_CI_MACHINE"
    "IS_CI_MACHINE"
    "JOB_ID"
    "LAYERCI"
    "LAYERCI_BRANCH"
    "LAYERCI_JOB_ID"
    "LAYERCI_ORG_NAME"
    "LAYERCI_PULL_REQUEST"
    "LAYERCI_REPO_NAME"
    "LAYERCI_REPO_OWNER"
    "LAYERCI_RUNNER_ID"
    "ORGANIZATION_NAME"
    "PULL_REQUEST_URL"
    "REPOSITORY_NAME"
    "REPOSITORY_OWNER"
    "RETRY_INDEX"
    "RUNNER_ID"
    "SPLIT"
    "SPLIT_NUM"
    "SUBDOMAIN"
    "WEBAPPIO")
  "Built-in variables.")

(defconst layerfile-keywords-prefix "THEN"
  "A word that could once stand before an instruction.")

(provide 'layerfile-keywords)
;;; layerfile-keywords.el ends here
