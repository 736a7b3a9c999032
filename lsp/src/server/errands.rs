//! What the server asks of the client by itself: its settings, and to show that repositories are being read.
//!
//! A client may answer late or never, so no message waits for an errand: notifications send one out and are done. The
//! library would not let the server end before them.

use super::backend::Backend;
use super::configuration;
use super::scribe::Scribe;
use ls_types::NumberOrString;
use tower_lsp::Client;

/// What to go for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Errand {
    /// The settings, and then to report that repositories are being read.
    Begin,
    /// The settings.
    Settings,
}

impl Backend {
    /// Goes on an errand, as far as this client takes part in it. Returns at once.
    pub(super) fn send_out(&self, errand: Errand) {
        let Ok(greeting) = self.greeting() else { return };
        let asks = greeting.is_asked_for_settings();
        let reports = errand == Errand::Begin && greeting.shows_progress();
        let (client, scribe) = (self.client.clone(), self.scribe.clone());
        self.handle.spawn(async move {
            if asks {
                configuration::pull(&client, &scribe).await;
            }
            if reports {
                report_reading(&client, &scribe).await;
            }
        });
    }
}

/// Tells the client that repositories are being read.
async fn report_reading(client: &Client, scribe: &Scribe) {
    let token = NumberOrString::String("layerc/reading".to_owned());
    if client.create_work_done_progress(token.clone()).await.is_err() {
        return;
    }
    let progress = client.progress(token, "reading Layerfiles").begin().await;
    let count = scribe.snapshot().await.map_or(0, |snapshot| snapshot.files().count());
    progress.finish_with_message(format!("{count} Layerfiles")).await;
}
