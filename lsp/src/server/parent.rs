//! Watches the process that started the server: when it is gone, nobody is left to serve.
//!
//! Most clients close standard input when they die, which ends the server by itself; some leave it open in a child.

use super::guard::Leave;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;

/// How often is looked: an orphan lives no longer than this.
const PERIOD: Duration = Duration::from_millis(500);

/// Watches process `id` where processes are directories; elsewhere the closed input has to do.
pub(super) fn watch(id: u32, handle: &Handle, leave: Arc<Leave>) {
    let directory = PathBuf::from(format!("/proc/{id}"));
    if !directory.is_dir() {
        return;
    }
    handle.spawn(async move {
        while directory.is_dir() {
            tokio::time::sleep(PERIOD).await;
        }
        leave.parent_left();
    });
}
