//! Which kind of project a directory holds, by the files that every project of the kind has, and how such a project is
//! built and tested. Looks at names and a few words in files; runs nothing.

use std::fs;
use std::path::Path;

/// Largest file that is looked into.
const LARGEST_BYTES: u64 = 1 << 20;

/// A directory, looked at.
pub(super) struct Project<'place> {
    directory: &'place Path,
}

/// How a kind of project is built and tested.
pub(super) struct Recipe {
    /// For example `Node`.
    pub(super) kind: &'static str,
    /// The file that tells.
    pub(super) evidence: String,
    /// The first words of the Layerfile.
    pub(super) introduction: &'static str,
    /// Debian packages.
    pub(super) packages: Vec<&'static str>,
    /// Instructions.
    pub(super) steps: Vec<String>,
}

impl<'place> Project<'place> {
    pub(super) const fn look(directory: &'place Path) -> Self {
        Self { directory }
    }

    /// The recipe of the first kind that fits; more particular kinds come first.
    pub(super) fn recipe(&self) -> Option<Recipe> {
        let kinds = [Self::rails, Self::rust, Self::go, Self::python, Self::node, Self::compose];
        kinds.iter().find_map(|kind| kind(self))
    }

    fn rails(&self) -> Option<Recipe> {
        let evidence = self.first(&["Gemfile"])?;
        let is_rails = self.has("config/application.rb") || self.mentions("Gemfile", "rails");
        let test = match (self.has("spec"), is_rails) {
            (true, _) => "RUN bundle exec rspec",
            (false, true) => "RUN bin/rails db:prepare test",
            (false, false) => "RUN bundle exec rake test",
        };
        let mut steps = lines(&["RUN bundle install", test]);
        if is_rails {
            steps.insert(0, "ENV RAILS_ENV=test".to_owned());
        }
        Some(Recipe {
            kind: if is_rails { "Rails" } else { "Ruby" },
            evidence,
            introduction: "Installs what the Gemfile asks for and runs the tests.",
            packages: vec![
                "ruby-full",
                "ruby-bundler",
                "build-essential",
                "libpq-dev",
                "libsqlite3-dev",
                "libyaml-dev",
            ],
            steps,
        })
    }

    fn rust(&self) -> Option<Recipe> {
        let locked = if self.has("Cargo.lock") { " --locked" } else { "" };
        Some(Recipe {
            kind: "Rust",
            evidence: self.first(&["Cargo.toml"])?,
            introduction: "Builds and tests with Cargo, each from where its last run left off.",
            packages: vec!["build-essential", "curl", "pkg-config", "libssl-dev"],
            steps: vec![
                "RUN curl --proto '=https' -sSf https://sh.rustup.rs | sh -s -- -y --profile minimal".to_owned(),
                format!("RUN REPEATABLE . ~/.cargo/env && cargo build{locked}"),
                format!("RUN REPEATABLE . ~/.cargo/env && cargo test{locked}"),
            ],
        })
    }

    fn go(&self) -> Option<Recipe> {
        Some(Recipe {
            kind: "Go",
            evidence: self.first(&["go.mod"])?,
            introduction: "Builds, vets and tests every package.",
            packages: vec!["golang-go", "git"],
            steps: lines(&["RUN go build ./...", "RUN go vet ./...", "RUN go test ./..."]),
        })
    }

    fn python(&self) -> Option<Recipe> {
        let evidence =
            self.first(&["requirements.txt", "pyproject.toml", "setup.py", "Pipfile"])?;
        let install = match evidence.as_str() {
            "requirements.txt" => "RUN python3 -m pip install -r requirements.txt",
            "Pipfile" => "RUN python3 -m pip install pipenv && pipenv install --dev --system",
            _ => "RUN python3 -m pip install .",
        };
        let files = [
            "requirements.txt",
            "requirements-dev.txt",
            "pyproject.toml",
            "tox.ini",
            "setup.cfg",
            "Pipfile",
        ];
        let uses_pytest = files.iter().any(|file| self.mentions(file, "pytest"));
        let tests = if self.has("manage.py") {
            "RUN python3 manage.py test"
        } else if uses_pytest {
            "RUN python3 -m pip install pytest && python3 -m pytest"
        } else {
            "RUN python3 -m unittest discover"
        };
        Some(Recipe {
            kind: "Python",
            evidence,
            introduction: "Installs what the project needs and runs its tests.",
            packages: vec!["python3-pip", "python3-venv"],
            steps: lines(&[install, tests]),
        })
    }

    fn node(&self) -> Option<Recipe> {
        let evidence = self.first(&["package.json"])?;
        let (install, runner) = if self.has("pnpm-lock.yaml") {
            ("RUN npm install --global pnpm && pnpm install --frozen-lockfile", "pnpm")
        } else if self.has("yarn.lock") {
            ("RUN npm install --global yarn && yarn install --frozen-lockfile", "yarn")
        } else if self.has("package-lock.json") {
            ("RUN npm ci", "npm")
        } else {
            ("RUN npm install", "npm")
        };
        let mut steps = lines(&[install]);
        for script in ["lint", "build", "test"].into_iter().filter(|script| self.has_script(script))
        {
            steps.push(format!("RUN {runner} run {script}"));
        }
        Some(Recipe {
            kind: "Node",
            evidence,
            introduction: "Installs what package.json asks for and runs its scripts.",
            packages: vec!["nodejs", "npm"],
            steps,
        })
    }

    fn compose(&self) -> Option<Recipe> {
        let names = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];
        Some(Recipe {
            kind: "Docker Compose",
            evidence: self.first(&names)?,
            introduction: "Builds and starts the services that the Compose file describes.",
            packages: vec!["docker.io", "docker-compose"],
            steps: lines(&[
                "RUN BACKGROUND dockerd",
                "RUN REPEATABLE docker-compose build",
                "RUN docker-compose up -d",
            ]),
        })
    }

    fn has(&self, path: &str) -> bool {
        self.directory.join(path).exists()
    }

    fn first(&self, names: &[&str]) -> Option<String> {
        names.iter().find(|name| self.directory.join(name).is_file()).map(|name| (*name).to_owned())
    }

    fn text(&self, path: &str) -> String {
        let path = self.directory.join(path);
        let is_small = fs::metadata(&path).is_ok_and(|metadata| metadata.len() <= LARGEST_BYTES);
        if is_small { fs::read_to_string(&path).unwrap_or_default() } else { String::new() }
    }

    fn mentions(&self, path: &str, word: &str) -> bool {
        self.text(path).contains(word)
    }

    /// Whether package.json has a script that somebody wrote: npm's own placeholder always fails.
    fn has_script(&self, name: &str) -> bool {
        let package: serde_json::Value =
            serde_json::from_str(&self.text("package.json")).unwrap_or_default();
        let script = package
            .get("scripts")
            .and_then(|scripts| scripts.get(name))
            .and_then(|script| script.as_str());
        script.is_some_and(|script| !script.contains("no test specified"))
    }
}

fn lines(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}
