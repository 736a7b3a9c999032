//! Layers on their way: several at once, each going on where it stopped, none kept that is not what its digest says.

use super::Registry;
use crate::images::Progress;
use crate::images::documents::{Descriptor, Documents};
use crate::images::error::{Doing, ImageError};
use crate::images::installation::Blobs;
use crate::images::shelf::Shelf;
use crate::images::unpacking::LayerBlob;
use crate::reference::digest::{Digest, Digesting};
use reqwest::StatusCode;
use reqwest::header::CONTENT_RANGE;
use rustix::fs::{FlockOperation, flock};
use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Largest compressed layer.
const LAYER_LIMIT_BYTES: u64 = 64 << 30;

/// Layers on their way at once.
const AT_ONCE: usize = 4;

/// How often a layer that stopped goes on.
const ATTEMPTS: u32 = 5;

/// Wait before it goes on the first time; doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// Time between two lines about the progress.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// Bytes taken from the network at once.
const BUFFER_BYTES: usize = 128 * 1024;

/// Gets layers from a registry.
#[derive(Debug)]
pub(in crate::images) struct Download<'a> {
    pub(in crate::images) registry: &'a Registry,
    pub(in crate::images) shelf: &'a Shelf,
}

impl Blobs for Download<'_> {
    fn prepare(
        &self,
        documents: &Documents,
        places: &[usize],
        progress: Progress<'_>,
    ) -> Result<(), ImageError> {
        let wanted: Vec<&Descriptor> =
            places.iter().filter_map(|place| documents.manifest.layers.get(*place)).collect();
        if let Some(huge) = wanted.iter().find(|layer| layer.size > LAYER_LIMIT_BYTES) {
            return Err(ImageError::unusable(format!(
                "the layer {} has {} bytes; at most {} GiB are taken",
                huge.digest,
                huge.size,
                LAYER_LIMIT_BYTES >> 30
            )));
        }
        let tally = Tally::new(&wanted, progress);
        let queue: Mutex<VecDeque<&Descriptor>> = Mutex::new(wanted.into());
        let failure = Mutex::new(None);
        thread::scope(|scope| {
            for _ in 0..AT_ONCE.min(places.len()) {
                scope.spawn(|| self.work(&queue, &failure, &tally));
            }
        });
        failure.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
    }

    fn layer(&self, documents: &Documents, place: usize) -> Result<LayerBlob, ImageError> {
        let layer = documents.manifest.layers.get(place);
        let layer =
            layer.ok_or_else(|| ImageError::unusable("the image has fewer layers than it says"))?;
        let path = self.shelf.partial(&layer.digest);
        Ok(LayerBlob { path, offset: 0, length: layer.size, unchecked: None })
    }

    fn done_with(&self, blob: &LayerBlob) {
        // What stays costs space only, and is swept when an image is removed.
        let _ = fs::remove_file(&blob.path);
    }
}

impl Download<'_> {
    fn work(
        &self,
        queue: &Mutex<VecDeque<&Descriptor>>,
        failure: &Mutex<Option<ImageError>>,
        tally: &Tally<'_>,
    ) {
        loop {
            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let Some(layer) = next else { return };
            if let Err(error) = self.fetch(layer, tally) {
                // The others stop after what they are at: what is here is used the next time.
                queue.lock().unwrap_or_else(PoisonError::into_inner).clear();
                failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                return;
            }
            tally.finished(layer);
        }
    }

    /// Gets one layer. Another process that is at it is waited for.
    fn fetch(&self, layer: &Descriptor, tally: &Tally<'_>) -> Result<(), ImageError> {
        let whole = self.shelf.partial(&layer.digest);
        let beside = whole.with_extension("part");
        let action = || format!("write `{}`", beside.display());
        let mut file = lock(&beside).doing(action)?;
        if whole.is_file() {
            let _ = fs::remove_file(&beside);
            return Ok(());
        }
        let mut arriving = Arriving::resume(&mut file, layer, &beside)?;
        let mut pause = FIRST_PAUSE;
        for attempt in 1.. {
            match self.receive(layer, &mut arriving, tally) {
                Ok(()) => break,
                Err(Broken::Final(error)) => return Err(error),
                Err(Broken::Passing(error)) if attempt >= ATTEMPTS => return Err(error),
                Err(Broken::Passing(_)) => thread::sleep(pause),
            }
            pause *= 2;
        }
        arriving.finish(layer)?;
        fs::rename(&beside, &whole).doing(action)
    }

    /// Takes what the registry sends, until it stops.
    fn receive(
        &self,
        layer: &Descriptor,
        arriving: &mut Arriving<'_>,
        tally: &Tally<'_>,
    ) -> Result<(), Broken> {
        if arriving.have == layer.size {
            return Ok(());
        }
        let path = self.registry.blob_path(&layer.digest);
        let response = self.registry.connection.blob(&path, arriving.have);
        let mut response = response.map_err(|error| match error {
            ImageError::Unreachable { .. } => Broken::Passing(error),
            other => Broken::Final(other),
        })?;
        let range = response.headers().get(CONTENT_RANGE).and_then(|range| range.to_str().ok());
        let goes_on = response.status() == StatusCode::PARTIAL_CONTENT
            && range.is_some_and(|range| range.starts_with(&format!("bytes {}-", arriving.have)));
        if !goes_on {
            arriving.start_over().map_err(Broken::Final)?;
        }
        let mut buffer = vec![0; BUFFER_BYTES];
        loop {
            let count = match response.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Broken::Passing(self.stopped(layer, &error.to_string()))),
            };
            let bytes = buffer.get(..count).unwrap_or_default();
            if arriving.have + bytes.len() as u64 > layer.size {
                return Err(Broken::Final(ImageError::unusable(format!(
                    "the registry sends more than the {} bytes that the layer {} should have",
                    layer.size, layer.digest
                ))));
            }
            arriving.take(bytes).map_err(Broken::Final)?;
            tally.received(count);
        }
        if arriving.have < layer.size {
            return Err(Broken::Passing(self.stopped(layer, "it ended early")));
        }
        Ok(())
    }

    fn stopped(&self, layer: &Descriptor, reason: &str) -> ImageError {
        ImageError::Refused(format!(
            "the transfer of the layer {} from `{}` stopped: {reason}; what has come is kept, try again",
            layer.digest,
            self.registry.reference.registry()
        ))
    }
}

/// Opens a file for one process alone. Whoever had it before may have moved it away: then a new one is made.
fn lock(path: &Path) -> io::Result<File> {
    loop {
        let file =
            File::options().create(true).truncate(false).read(true).write(true).open(path)?;
        flock(&file, FlockOperation::LockExclusive)?;
        let (ours, named) = (file.metadata()?, fs::metadata(path));
        if named.is_ok_and(|named| (named.dev(), named.ino()) == (ours.dev(), ours.ino())) {
            return Ok(file);
        }
    }
}

/// Why a transfer ended early.
enum Broken {
    /// The line: it may go on.
    Passing(ImageError),
    /// For good.
    Final(ImageError),
}

/// A layer as far as it is here.
struct Arriving<'a> {
    output: Digesting<&'a mut File>,
    have: u64,
    path: PathBuf,
}

impl<'a> Arriving<'a> {
    /// Looks at what an earlier transfer left.
    fn resume(file: &'a mut File, layer: &Descriptor, path: &Path) -> Result<Self, ImageError> {
        let action = || format!("read `{}`", path.display());
        let have = file.metadata().doing(action)?.len();
        let mut arriving = Self { output: Digesting::new(file), have: 0, path: path.to_owned() };
        if have > layer.size {
            arriving.start_over()?;
            return Ok(arriving);
        }
        let taken = io::copy(&mut arriving.output, &mut io::sink()).doing(action)?;
        arriving.have = taken;
        Ok(arriving)
    }

    fn start_over(&mut self) -> Result<(), ImageError> {
        let path = &self.path;
        let emptied = self.output.start_over(|file| {
            file.set_len(0)?;
            file.seek(SeekFrom::Start(0)).map(|_| ())
        });
        self.have = 0;
        emptied.doing(|| format!("empty `{}`", path.display()))
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), ImageError> {
        let path = &self.path;
        self.output.write_all(bytes).doing(|| format!("write `{}`", path.display()))?;
        self.have += bytes.len() as u64;
        Ok(())
    }

    /// Compares it with its digest. What is wrong is removed: it could never become right.
    fn finish(self, layer: &Descriptor) -> Result<(), ImageError> {
        let found = self.output.finish().0;
        if found == layer.digest {
            return Ok(());
        }
        remove(&self.path);
        let expected: Digest = layer.digest.clone();
        Err(ImageError::Mismatch { what: "a layer that was sent".to_owned(), expected, found })
    }
}

fn remove(path: &Path) {
    // If it stays, the next transfer finds it and removes it again.
    let _ = fs::remove_file(path);
}

/// How far all layers are.
struct Tally<'a> {
    progress: Progress<'a>,
    layers: usize,
    bytes: u64,
    done: AtomicUsize,
    have: AtomicU64,
    told: Mutex<Instant>,
}

impl<'a> Tally<'a> {
    fn new(wanted: &[&Descriptor], progress: Progress<'a>) -> Self {
        let bytes = wanted.iter().fold(0_u64, |sum, layer| sum.saturating_add(layer.size));
        if !wanted.is_empty() {
            progress(&format!("pulling {} layers, {}", wanted.len(), megabytes(bytes)));
        }
        Self {
            progress,
            layers: wanted.len(),
            bytes,
            done: AtomicUsize::new(0),
            have: AtomicU64::new(0),
            told: Mutex::new(Instant::now()),
        }
    }

    fn received(&self, count: usize) {
        self.have.fetch_add(count as u64, Ordering::Relaxed);
        let Ok(mut told) = self.told.try_lock() else { return };
        if told.elapsed() >= TELL_EVERY {
            *told = Instant::now();
            self.tell();
        }
    }

    fn finished(&self, _: &Descriptor) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    fn tell(&self) {
        let (done, have) = (self.done.load(Ordering::Relaxed), self.have.load(Ordering::Relaxed));
        (self.progress)(&format!(
            "pulled {done} of {} layers, {} of {}",
            self.layers,
            megabytes(have),
            megabytes(self.bytes)
        ));
    }
}

/// `12.3 MB`.
fn megabytes(bytes: u64) -> String {
    format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000)
}
