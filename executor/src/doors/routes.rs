//! Which web server answers for a path: prefixes, the longest wins, and what a prefix is rewritten to. Pure.

/// One EXPOSE WEBSITE: a prefix and where it leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Begins with `/` and ends without one, or is `/`.
    pub prefix: String,
    /// What the prefix is replaced by.
    pub rewrite: Option<String>,
    /// The port in the machine.
    pub port: u16,
    /// Whether its server speaks TLS.
    pub tls: bool,
}

impl Route {
    /// Whether a path belongs to it: prefixes end where names end, so `/api` has `/api/x` but not `/apix`.
    fn has(&self, path: &str) -> bool {
        let rest = path.strip_prefix(self.prefix.trim_end_matches('/'));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The path and query that its server is asked for.
    pub(super) fn rewritten(&self, path_and_query: &str) -> String {
        let Some(rewrite) = &self.rewrite else { return path_and_query.to_owned() };
        let prefix = self.prefix.trim_end_matches('/');
        let rest = path_and_query.strip_prefix(prefix).unwrap_or(path_and_query);
        let slash = if rewrite.starts_with('/') { "" } else { "/" };
        match rest.strip_prefix('/') {
            Some(below) => format!("{slash}{}/{below}", rewrite.trim_end_matches('/')),
            None => format!("{slash}{rewrite}{rest}"),
        }
    }
}

/// The route of a path: the longest prefix, and of equal ones the last.
pub(super) fn find<'routes>(
    routes: impl Iterator<Item = &'routes Route>,
    path: &str,
) -> Option<&'routes Route> {
    routes.filter(|route| route.has(path)).max_by_key(|route| route.prefix.len())
}

/// A path of EXPOSE WEBSITE with `$SPLIT` and `${SPLIT}` expanded; `None` if it uses the index where there is none.
pub(crate) fn expanded(path: &str, split: Option<&str>) -> Option<String> {
    if !uses_split(path) {
        return Some(path.to_owned());
    }
    split.map(|split| path.replace("${SPLIT}", split).replace("$SPLIT", split))
}

/// Whether a path is told apart by the copy's index.
pub(crate) fn uses_split(path: &str) -> bool {
    path.contains("$SPLIT") || path.contains("${SPLIT}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(prefix: &str, rewrite: Option<&str>, port: u16) -> Route {
        Route { prefix: prefix.to_owned(), rewrite: rewrite.map(str::to_owned), port, tls: false }
    }

    #[test]
    fn the_longest_prefix_wins_at_the_ends_of_names() {
        let routes = [
            route("/", None, 1),
            route("/api", None, 2),
            route("/api/v2", None, 3),
            route("/api", None, 4),
        ];
        let port = |path: &str| find(routes.iter(), path).map(|route| route.port);
        for (path, expected) in [
            ("/", 1),
            ("/apix", 1),
            ("/api", 4),
            ("/api/", 4),
            ("/api/v1", 4),
            ("/api/v2", 3),
            ("/api/v2/x", 3),
        ] {
            assert_eq!(port(path), Some(expected), "{path}");
        }
        assert!(find([route("/api", None, 2)].iter(), "/").is_none());
    }

    #[test]
    fn a_rewrite_replaces_the_prefix_and_nothing_else() {
        for (prefix, rewrite, asked, expected) in [
            ("/api", None, "/api/x?y=1", "/api/x?y=1"),
            ("/api", Some("/"), "/api/x?y=1", "/x?y=1"),
            ("/api", Some("/"), "/api", "/"),
            ("/api", Some("/"), "/api?y", "/?y"),
            ("/api", Some("/v1"), "/api/api/x", "/v1/api/x"),
            ("/api", Some("/v1/"), "/api/x", "/v1/x"),
            ("/api", Some("/v1/"), "/api", "/v1/"),
            ("/", Some("/v1"), "/x", "/v1/x"),
            ("/", Some("/v1"), "/", "/v1/"),
            ("/api", Some("v1"), "/api/x", "/v1/x"),
        ] {
            assert_eq!(
                route(prefix, rewrite, 1).rewritten(asked),
                expected,
                "{prefix} {rewrite:?} {asked}"
            );
        }
    }

    #[test]
    fn copies_have_paths_of_their_own() {
        assert_eq!(expanded("/part$SPLIT", Some("3")).as_deref(), Some("/part3"));
        assert_eq!(expanded("/part${SPLIT}/x", Some("0")).as_deref(), Some("/part0/x"));
        assert_eq!(expanded("/part", None).as_deref(), Some("/part"));
        assert_eq!(expanded("/part$SPLIT", None), None);
    }
}
