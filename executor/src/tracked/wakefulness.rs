//! Idle processors that do not sleep while questions come one right after the other.
//!
//! A question costs two wake-ups: of the thread that answers, and of the process that waits. In a guest of a hypervisor
//! an idle processor halts, which hands it back to the host, and waking it takes longer than answering. The kernel's interface
//! for saying so is a file that is held open (Documentation/power/pm_qos_interface.rst): while it is, idle processors wait
//! awake. It takes the machine's administrator; where it can't be had, or processors sleep lightly, nothing is done. Knows
//! no questions, only that there was one.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// What the kernel's way of idling is called in a guest that halts.
const HALTING_DRIVER: &str = "haltpoll";

/// Questions between two looks at how fast they come.
const QUESTIONS_PER_LOOK: u64 = 64;

/// So many questions in less than this come one right after the other.
const BURST: Duration = Duration::from_millis(50);

/// How often it is looked whether they still come.
const TICK: Duration = Duration::from_millis(10);

/// Questions in a tick below which processors may sleep again.
const FEWEST_QUESTIONS: u64 = 20;

/// The kernel's files about idling.
#[derive(Debug)]
struct Idling {
    /// Names the way of idling.
    driver: PathBuf,
    /// Held open with the microseconds in it that waking a processor may take, a native 32-bit number.
    latency: PathBuf,
}

impl Default for Idling {
    fn default() -> Self {
        Self {
            driver: "/sys/devices/system/cpu/cpuidle/current_driver".into(),
            latency: "/dev/cpu_dma_latency".into(),
        }
    }
}

impl Idling {
    fn halts(&self) -> bool {
        fs::read_to_string(&self.driver).is_ok_and(|driver| driver.trim() == HALTING_DRIVER)
    }

    /// Processors wait awake for as long as the file lives.
    fn hold_off(&self) -> io::Result<File> {
        let mut latency = File::options().write(true).open(&self.latency)?;
        latency.write_all(&0_i32.to_ne_bytes())?;
        Ok(latency)
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Wakefulness {
    counted: Arc<Counted>,
}

#[derive(Debug, Default)]
struct Counted {
    idling: Idling,
    questions: AtomicU64,
    last_look: Mutex<Option<Instant>>,
    /// A thread looks after it, or it was found that nothing can be done.
    is_watched: AtomicBool,
}

impl Wakefulness {
    /// Counts a question; when they come fast, begins to keep processors awake.
    pub(super) fn question(&self) {
        let number = self.counted.questions.fetch_add(1, Ordering::Relaxed);
        if number % QUESTIONS_PER_LOOK != QUESTIONS_PER_LOOK - 1
            || !self.counted.is_burst()
            || self.counted.is_watched.swap(true, Ordering::AcqRel)
        {
            return;
        }
        let counted = Arc::clone(&self.counted);
        let watching = thread::Builder::new().name("wakefulness".to_owned());
        // Where no thread can be had, processors sleep as they did, and nobody tries again.
        let _ = watching.spawn(move || {
            if counted.idling.halts() && counted.stay_awake().is_ok() {
                counted.is_watched.store(false, Ordering::Release);
            }
        });
    }
}

impl Counted {
    /// Whether the questions since the last look came fast.
    fn is_burst(&self) -> bool {
        let now = Instant::now();
        let mut last = self.last_look.lock().unwrap_or_else(PoisonError::into_inner);
        last.replace(now).is_some_and(|last| now.duration_since(last) < BURST)
    }

    /// Keeps processors awake until few questions come.
    fn stay_awake(&self) -> io::Result<()> {
        let _held = self.idling.hold_off()?;
        let mut seen = self.questions.load(Ordering::Relaxed);
        loop {
            thread::sleep(TICK);
            let now = self.questions.load(Ordering::Relaxed);
            if now.wrapping_sub(seen) < FEWEST_QUESTIONS {
                return Ok(());
            }
            seen = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Counted, Idling, QUESTIONS_PER_LOOK, Wakefulness};
    use std::fs;
    use std::path::Path;
    use std::sync::Arc;
    use std::sync::atomic::Ordering;
    use std::time::{Duration, Instant};

    fn in_a_machine_that(driver: &str, folder: &Path) -> Wakefulness {
        let idling = Idling { driver: folder.join("driver"), latency: folder.join("latency") };
        fs::write(&idling.driver, driver).unwrap();
        fs::write(&idling.latency, "").unwrap();
        Wakefulness { counted: Arc::new(Counted { idling, ..Counted::default() }) }
    }

    fn is_watched(wakefulness: &Wakefulness) -> bool {
        wakefulness.counted.is_watched.load(Ordering::Acquire)
    }

    /// Asks until somebody watches: on a busy machine the first ones may be too far apart.
    fn ask_fast(wakefulness: &Wakefulness) {
        let end = Instant::now() + Duration::from_secs(60);
        while !is_watched(wakefulness) && Instant::now() < end {
            wakefulness.question();
        }
    }

    #[test]
    fn few_questions_are_only_counted() {
        let folder = tempfile::tempdir().unwrap();
        let wakefulness = in_a_machine_that("haltpoll", folder.path());
        (1..QUESTIONS_PER_LOOK).for_each(|_| wakefulness.question());
        assert!(!is_watched(&wakefulness));
    }

    #[test]
    fn many_keep_processors_awake_and_then_no_longer() {
        let folder = tempfile::tempdir().unwrap();
        let wakefulness = in_a_machine_that("haltpoll\n", folder.path());
        ask_fast(&wakefulness);
        let end = Instant::now() + Duration::from_secs(60);
        while is_watched(&wakefulness) && Instant::now() < end {
            std::thread::yield_now();
        }
        assert!(!is_watched(&wakefulness), "it goes on for ever");
        assert_eq!(fs::read(folder.path().join("latency")).unwrap(), [0; 4]);
    }

    #[test]
    fn where_processors_sleep_lightly_nothing_is_done() {
        let folder = tempfile::tempdir().unwrap();
        let wakefulness = in_a_machine_that("intel_idle\n", folder.path());
        ask_fast(&wakefulness);
        assert!(is_watched(&wakefulness), "and nobody tries again");
        assert_eq!(fs::read(folder.path().join("latency")).unwrap(), [0; 0]);
    }
}
