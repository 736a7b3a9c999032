//! The websites that are up, by label. Whoever opened one holds it open.

use super::routes::{self, Route};
use crate::backend::Ports;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The routes that one machine added to a website.
struct Entry {
    number: u64,
    routes: Vec<Route>,
    ports: Arc<dyn Ports>,
}

#[derive(Default)]
struct Known {
    next: u64,
    by_label: BTreeMap<String, Vec<Entry>>,
}

/// See the module.
#[derive(Default)]
pub(super) struct Sites {
    known: Mutex<Known>,
}

impl std::fmt::Debug for Sites {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_list().entries(self.labels()).finish()
    }
}

/// Routes that are open until this is dropped.
#[derive(Debug)]
pub struct OpenSite {
    sites: Arc<Sites>,
    label: String,
    number: u64,
}

impl Drop for OpenSite {
    fn drop(&mut self) {
        let mut known = self.sites.lock();
        let Some(entries) = known.by_label.get_mut(&self.label) else { return };
        entries.retain(|entry| entry.number != self.number);
        if entries.is_empty() {
            known.by_label.remove(&self.label);
        }
    }
}

/// Where a request goes.
pub(super) struct Target {
    pub(super) route: Route,
    pub(super) ports: Arc<dyn Ports>,
}

/// What there is at a host and path.
pub(super) enum Found {
    /// This server.
    Server(Target),
    /// The website, but nothing at this path.
    NoPath,
    /// No such website.
    NoSite,
}

impl Sites {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add(
        sites: &Arc<Self>,
        label: &str,
        routes: Vec<Route>,
        ports: Arc<dyn Ports>,
    ) -> OpenSite {
        let mut known = sites.lock();
        let number = known.next;
        known.next += 1;
        let entries = known.by_label.entry(label.to_owned()).or_default();
        entries.push(Entry { number, routes, ports });
        OpenSite { sites: Arc::clone(sites), label: label.to_owned(), number }
    }

    /// The server for a path of a website.
    pub(super) fn find(&self, label: &str, path: &str) -> Found {
        let known = self.lock();
        let Some(entries) = known.by_label.get(label) else { return Found::NoSite };
        let all = entries.iter().flat_map(|entry| &entry.routes);
        let Some(route) = routes::find(all, path) else { return Found::NoPath };
        let owner = entries
            .iter()
            .rev()
            .find(|entry| entry.routes.iter().any(|other| std::ptr::eq(other, route)));
        match owner {
            Some(entry) => {
                Found::Server(Target { route: route.clone(), ports: Arc::clone(&entry.ports) })
            }
            None => Found::NoPath,
        }
    }

    /// The labels of all websites that are up.
    pub(super) fn labels(&self) -> Vec<String> {
        self.lock().by_label.keys().cloned().collect()
    }
}
