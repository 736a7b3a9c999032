//! Measures the tracked files against the same files read natively and through a plain overlay mount.
//!
//! `cargo bench -p layerc-executor --bench tracked_files`, as root: it mounts, in a mount namespace of its own. Prints one line
//! for each figure; names after `--` (small, listing, large, copy, fingerprints) choose. The repository is made under the temporary directory and removed again; it takes 1.2 GB.

#![expect(clippy::unwrap_used, reason = "a measurement that fails must stop")]

use layerc_executor::backend::{CopiedEntry, CopiedFiles};
use layerc_executor::read_set::ReadSet;
use layerc_executor::tracked::{
    FUSE_DEVICE, Repository, RepositoryOptions, TrackedServer, mount_fuse,
};
use rustix::mount::MountFlags;
use std::ffi::CString;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::{Duration, Instant};

const INSIDE: &str = "LAYERC_BENCH_INSIDE";
const SMALL_FILES: usize = 20_000;
const MANY_FILES: usize = 100_000;
const FILES_PER_DIRECTORY: usize = 100;
const LARGE_FILE_BYTES: usize = 1 << 30;

fn main() -> ExitCode {
    if std::env::var_os(INSIDE).is_none() {
        return in_own_mount_namespace();
    }
    let place = tempfile::tempdir().unwrap();
    let bench = Bench::new(place.path());
    let measurements: [(&str, Measurement); 5] = [
        ("small", Bench::small_files),
        ("listing", Bench::listing),
        ("large", Bench::large_file),
        ("copy", Bench::copy_of_many),
        ("fingerprints", Bench::fingerprints),
    ];
    let wanted: Vec<_> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    for (name, measure) in measurements {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            measure(&bench);
        }
    }
    ExitCode::SUCCESS
}

fn in_own_mount_namespace() -> ExitCode {
    let itself = std::env::current_exe().unwrap();
    let status = Command::new("unshare")
        .args(["--mount", "--propagation", "private"])
        .arg(itself)
        .args(std::env::args_os().skip(1))
        .env(INSIDE, "1")
        .status();
    match status {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(status) => {
            println!("SKIPPED: the bench needs root and `unshare --mount` ({status})");
            ExitCode::FAILURE
        }
        Err(error) => {
            println!("SKIPPED: the bench needs `unshare` of util-linux ({error})");
            ExitCode::FAILURE
        }
    }
}

type Measurement = fn(&Bench);

struct Bench {
    place: PathBuf,
    repository: PathBuf,
}

/// A tracked repository under an overlay mount, as machines have it.
struct Tracked {
    server: TrackedServer,
    fuse: PathBuf,
    root: PathBuf,
}

impl Bench {
    fn new(place: &Path) -> Self {
        let repository = place.join("repository");
        fs::create_dir(&repository).unwrap();
        Self { place: place.to_owned(), repository }
    }

    /// Makes a part of the repository unless it is there.
    fn make(&self, part: &str, make: impl FnOnce(&Path)) {
        let path = self.repository.join(part);
        if !path.exists() {
            make(&path);
            rustix::fs::sync();
            // Stamps are believed only once they are older than the clock's tick.
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    fn tracked(&self, name: &str) -> Tracked {
        let fuse = self.place.join(format!("{name}-fuse"));
        fs::create_dir_all(&fuse).unwrap();
        let device = mount_fuse(Path::new(FUSE_DEVICE), &fuse).unwrap();
        let repository = Repository::open(&self.repository, RepositoryOptions::default()).unwrap();
        let server = TrackedServer::start(device, Arc::new(repository)).unwrap();
        let entry = CopiedEntry { repository_path: String::new(), machine_path: "/app".to_owned() };
        let layer = server.add_layer(&CopiedFiles { entries: vec![entry] }).unwrap();
        let root = self.overlay(name, &fuse.join(layer)).join("app");
        Tracked { server, fuse, root }
    }

    fn overlay(&self, name: &str, lower: &Path) -> PathBuf {
        let at = |part: &str| {
            let path = self.place.join(format!("{name}-{part}"));
            fs::create_dir_all(&path).unwrap();
            path
        };
        let (base, upper, work, root) = (at("base"), at("upper"), at("work"), at("root"));
        let options = format!(
            "xino=off,lowerdir={}:{},upperdir={},workdir={}",
            lower.display(),
            base.display(),
            upper.display(),
            work.display()
        );
        let options = CString::new(options).unwrap();
        rustix::mount::mount("overlay", &root, "overlay", MountFlags::empty(), options.as_c_str())
            .unwrap();
        root
    }

    fn small_files(&self) {
        self.make("small", |path| make_files(path, SMALL_FILES));
        let paths = file_paths("small", SMALL_FILES);
        let plain = self.overlay("plain", &self.repository);
        let read_all = |root: &Path| {
            timed(|| paths.iter().for_each(|path| drop(fs::read(root.join(path)).unwrap())))
        };
        let native = best_of(3, || read_all(&self.repository));
        let overlay = best_of(3, || read_all(&plain));
        let tracked = self.tracked("small");
        let first = read_all(&tracked.root);
        let second = best_of(3, || read_all(&tracked.root));
        let each = |total: Duration| total.as_secs_f64() * 1e6 / SMALL_FILES as f64;
        println!(
            "{SMALL_FILES} small files, each: native {:.2} µs, plain overlay {:.2} µs",
            each(native),
            each(overlay)
        );
        println!(
            "  first touch  {:.2} µs, over native {:.2} µs (bar: 25)",
            each(first),
            each(first) - each(native)
        );
        println!(
            "  second touch {:.2} µs, {:.2} × native, {:.2} × plain overlay (bar: 1.3)",
            each(second),
            ratio(second, native),
            ratio(second, overlay)
        );
        let mut reads = ReadSet::default();
        let taking = timed(|| reads = tracked.server.take_reads());
        println!("  taking {} answers: {}", reads.answers.len(), milliseconds(taking));
        let stat_all = |root: &Path| {
            timed(|| {
                stat_all_below(root, &paths);
            })
        };
        let native = best_of(3, || stat_all(&self.repository));
        let again = best_of(3, || stat_all(&tracked.root));
        println!(
            "  stat of read files: native {:.2} µs, tracked {:.2} µs, {:.2} × native",
            each(native),
            each(again),
            ratio(again, native)
        );
    }

    fn listing(&self) {
        self.make("flat", |path| {
            fs::create_dir(path).unwrap();
            (0..SMALL_FILES)
                .for_each(|index| fs::write(path.join(format!("f{index}")), "").unwrap());
        });
        let list = |root: &Path| {
            timed(|| assert_eq!(fs::read_dir(root.join("flat")).unwrap().count(), SMALL_FILES))
        };
        let native = best_of(3, || list(&self.repository));
        let tracked = self.tracked("listing");
        let first = list(&tracked.root);
        let second = best_of(3, || list(&tracked.root));
        println!(
            "listing {SMALL_FILES} names: native {}, first {} ({:.2} ×), second {} ({:.2} ×)",
            milliseconds(native),
            milliseconds(first),
            ratio(first, native),
            milliseconds(second),
            ratio(second, native)
        );
        assert_eq!(tracked.server.take_reads().answers.len(), 3, "a listing looks no name up");
    }

    fn large_file(&self) {
        self.make("large", |path| fs::write(path, vec![7_u8; LARGE_FILE_BYTES]).unwrap());
        let read = |root: &Path| timed(|| read_whole(&root.join("large")));
        let cold = || {
            rustix::fs::sync();
            fs::write("/proc/sys/vm/drop_caches", "1").is_ok()
        };
        let native = best_of(3, || read(&self.repository));
        let tracked = self.tracked("large");
        let first = read(&tracked.root);
        let second = best_of(3, || read(&tracked.root));
        let rate = |time: Duration| LARGE_FILE_BYTES as f64 / 1e9 / time.as_secs_f64();
        println!("1 GiB in memory: native {:.2} GB/s", rate(native));
        println!(
            "  first read  {:.2} GB/s, {:.0} % of native (bar: 60 %)",
            rate(first),
            100.0 * ratio(native, first)
        );
        println!(
            "  second read {:.2} GB/s, {:.0} % of native",
            rate(second),
            100.0 * ratio(native, second)
        );
        println!(
            "  taking the answer (hashes 1 GiB): {}",
            milliseconds(timed(|| drop(tracked.server.take_reads())))
        );
        drop(tracked);
        if !cold() {
            println!("SKIPPED: 1 GiB from disk (may not drop caches)");
            return;
        }
        let native = best_of(2, || {
            cold();
            read(&self.repository)
        });
        let tracked = self.tracked("large-cold");
        cold();
        let first = read(&tracked.root);
        println!("1 GiB from disk: native {:.2} GB/s", rate(native));
        println!(
            "  first read  {:.2} GB/s, {:.0} % of native (bar: 60 %)",
            rate(first),
            100.0 * ratio(native, first)
        );
    }

    fn copy_of_many(&self) {
        self.make("many", |path| make_files(path, MANY_FILES));
        let tracked = self.tracked("many");
        let path = tracked.root.join("many/d7/f3");
        let one = timed(|| drop(fs::read(&path).unwrap()));
        let entry =
            CopiedEntry { repository_path: "many".to_owned(), machine_path: "/again".to_owned() };
        let files = CopiedFiles { entries: vec![entry] };
        let mut layer = String::new();
        let adding = timed(|| layer = tracked.server.add_layer(&files).unwrap());
        assert!(tracked.fuse.join(layer).join("again").is_dir());
        println!(
            "COPY of {MANY_FILES} files: layer {}, then reading one file {}",
            milliseconds(adding),
            milliseconds(one)
        );
        println!("  answers: {}", tracked.server.take_reads().answers.len());
    }

    fn fingerprints(&self) {
        for (tree, count) in [("small", SMALL_FILES), ("many", MANY_FILES)] {
            self.make(tree, |path| make_files(path, count));
            let tracked = self.tracked(&format!("fingerprints-{tree}"));
            let paths = file_paths(tree, count);
            paths.iter().for_each(|path| drop(fs::read(tracked.root.join(path)).unwrap()));
            let reads = tracked.server.take_reads();
            let repository =
                Repository::open(&self.repository, RepositoryOptions::default()).unwrap();
            let hashing = timed(|| assert_eq!(repository.differences(&reads).unwrap(), []));
            let again =
                best_of(5, || timed(|| assert_eq!(repository.differences(&reads).unwrap(), [])));
            let stat = best_of(3, || timed(|| stat_all_below(&self.repository, &paths)));
            println!(
                "{} answers about {count} files: with an empty stat cache {}, unchanged {}; stat of each path on one thread {}",
                reads.answers.len(),
                milliseconds(hashing),
                milliseconds(again),
                milliseconds(stat)
            );
        }
    }
}

fn make_files(root: &Path, count: usize) {
    for (index, path) in file_paths("", count).iter().enumerate() {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, format!("{index:>1024}")).unwrap();
    }
}

fn file_paths(tree: &str, count: usize) -> Vec<PathBuf> {
    let name =
        |index: usize| format!("d{}/f{}", index / FILES_PER_DIRECTORY, index % FILES_PER_DIRECTORY);
    (0..count).map(|index| Path::new(tree).join(name(index))).collect()
}

fn stat_all_below(root: &Path, paths: &[PathBuf]) {
    for path in paths {
        assert!(fs::symlink_metadata(root.join(path)).unwrap().is_file());
    }
}

fn read_whole(path: &Path) {
    let mut file = fs::File::open(path).unwrap();
    let mut buffer = vec![0_u8; 256 * 1024];
    let mut total = 0;
    while let count @ 1.. = file.read(&mut buffer).unwrap() {
        total += count;
    }
    assert_eq!(total, LARGE_FILE_BYTES);
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn best_of(times: usize, mut measure: impl FnMut() -> Duration) -> Duration {
    (0..times).map(|_| measure()).min().unwrap()
}

fn ratio(time: Duration, other: Duration) -> f64 {
    time.as_secs_f64() / other.as_secs_f64()
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}
