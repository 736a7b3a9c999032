//! From a forked child to bash: into the machine, as the user, in the directory, with the pipes in place.
//!
//! Runs in a process of its own that either becomes bash or says why it could not.

use super::accounts::{Account, ensure_account};
use super::failure::{Doing, Failure};
use super::login::{ARGUMENT_LIMIT_BYTES, FIRST_SETUP_DESCRIPTOR, PRELUDE_DESCRIPTOR, prelude};
use super::output::CommandPipes;
use super::protocol::Reply;
use crate::backend;
use crate::sys::{Fork, SingleThreaded, close_descriptors_from, fork, leave, place_descriptor};
use rustix::fs::{MemfdFlags, Mode};
use rustix::process::{Gid, Pid, Uid};
use rustix::thread::{CapabilitySet, remove_capability_from_bounding_set};
use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Powers that a machine's root has no use for. In a user namespace the kernel grants none of them over the host;
/// leaving them out keeps its rarely walked paths out of reach too.
const POWERS_LEFT_OUT: [CapabilitySet; 12] = [
    CapabilitySet::SYS_MODULE,
    CapabilitySet::SYS_RAWIO,
    CapabilitySet::SYS_TIME,
    CapabilitySet::SYS_BOOT,
    CapabilitySet::SYSLOG,
    CapabilitySet::WAKE_ALARM,
    CapabilitySet::BLOCK_SUSPEND,
    CapabilitySet::MAC_ADMIN,
    CapabilitySet::MAC_OVERRIDE,
    CapabilitySet::AUDIT_CONTROL,
    CapabilitySet::AUDIT_READ,
    CapabilitySet::LINUX_IMMUTABLE,
];

/// Search path before the login files are read.
const ROOT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The same for other users.
const USER_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Where a command runs: what differs from one kind of machine to another.
pub(crate) trait Place {
    /// That this process may fork.
    fn proof(&self) -> &SingleThreaded;

    /// Opens a file below the root of the repository's mount, before the machine is entered.
    fn open_setup_file(&self, path: &str) -> io::Result<File>;

    /// Moves this process, which is about to become a command, into the machine.
    fn enter(&self) -> Result<(), Failure>;

    /// Why commands must not go on, looked at from time to time while they run; `None` if they may.
    fn excess(&self) -> Option<String>;

    /// Takes from this process what steps must not have. What is running already keeps its power until `exec`.
    fn confine(&self) -> Result<(), Failure>;
}

/// Starts a command. When this returns, bash runs.
pub(crate) fn launch(
    place: &dyn Place,
    command: &backend::Command,
    pipes: CommandPipes,
) -> Result<Pid, Failure> {
    let (mut report, told) = std::io::pipe().doing(|| "make a pipe".to_owned())?;
    match fork(place.proof()).doing(|| "make a process".to_owned())? {
        Fork::Child => {
            drop(report);
            let Err(failure) = become_command(place, command, &pipes);
            tell(told, failure);
            leave(127)
        }
        Fork::Parent(child) => {
            drop((told, pipes));
            let mut text = Vec::new();
            report.read_to_end(&mut text).doing(|| "hear of the new process".to_owned())?;
            // The report's end closes at exec: no text, no failure.
            if text.is_empty() { Ok(child) } else { Err(heard(&text)) }
        }
    }
}

/// What can't fail does not return: bash runs in this process then.
enum Never {}

fn become_command(
    place: &dyn Place,
    command: &backend::Command,
    pipes: &CommandPipes,
) -> Result<Never, Failure> {
    rustix::process::setsid().doing(|| "start a session".to_owned())?;
    if let Some(terminal) = &pipes.terminal {
        rustix::process::ioctl_tiocsctty(terminal).doing(|| "take the terminal".to_owned())?;
    }
    let setup_files = open_setup_files(place, &command.setup_files)?;
    place.enter()?;
    rustix::process::umask(Mode::from_raw_mode(0o022));
    let account = ensure_account(Path::new("/etc"), &command.user)?;
    let workdir = ensure_workdir(&account, &command.workdir)?;
    let mut bash = bash(command, &account, &workdir)?;
    place_descriptors(command, &workdir, pipes, &setup_files)?;
    place.confine()?;
    become_user(&account)?;
    Err(bash.exec()).doing(|| "start /bin/bash (the base image must have it)".to_owned())
}

/// Opened before the machine is entered: the repository's mount is not visible in there.
fn open_setup_files(place: &dyn Place, paths: &[String]) -> Result<Vec<File>, Failure> {
    let open = |path: &String| {
        place.open_setup_file(path).doing(|| format!("open the setup file `{path}`"))
    };
    paths.iter().map(open).collect()
}

/// `mkdir -p` as root: directories that are missing become root's.
fn ensure_workdir(account: &Account, workdir: &str) -> Result<PathBuf, Failure> {
    let workdir = expand_home(workdir, &account.home);
    fs::create_dir_all(&workdir)
        .doing(|| format!("make the working directory `{}`", workdir.display()))?;
    rustix::process::chdir(&workdir)
        .doing(|| format!("enter the working directory `{}`", workdir.display()))?;
    Ok(workdir)
}

/// `~` and `~/x` are the home of the user; anything else is taken as it is.
pub(crate) fn expand_home(path: &str, home: &Path) -> PathBuf {
    match path.strip_prefix('~') {
        Some("") => home.to_owned(),
        Some(rest) if rest.starts_with('/') => home.join(rest.trim_start_matches('/')),
        _ => PathBuf::from(path),
    }
}

fn bash(command: &backend::Command, account: &Account, workdir: &Path) -> Result<Command, Failure> {
    let long = command.script.len() > ARGUMENT_LIMIT_BYTES;
    let mut bash = Command::new("/bin/bash");
    bash.arg0("bash")
        .arg("-c")
        .arg(if long { ":" } else { command.script.as_str() })
        .arg("bash")
        .env_clear();
    bash.envs(command.environment.iter().filter(|(name, value)| is_environment(name, value)));
    bash.env("HOME", &account.home)
        .env("USER", &account.name)
        .env("LOGNAME", &account.name)
        .env("SHELL", &account.shell)
        .env("PWD", workdir)
        .env("PATH", if account.user == 0 { ROOT_PATH } else { USER_PATH })
        .env("BASH_ENV", format!("/proc/self/fd/{PRELUDE_DESCRIPTOR}"));
    Ok(bash)
}

fn is_environment(name: &str, value: &str) -> bool {
    !name.is_empty()
        && !name.contains(['=', '\0'])
        && !value.contains('\0')
        && value.len() < ARGUMENT_LIMIT_BYTES
}

fn place_descriptors(
    command: &backend::Command,
    workdir: &Path,
    pipes: &CommandPipes,
    setup_files: &[File],
) -> Result<(), Failure> {
    let action = || "arrange file descriptors".to_owned();
    let nothing = File::open("/dev/null").doing(action)?;
    let prelude = memory_file(&prelude_text(command, workdir))?;
    // First out of the way of the numbers that are given away below.
    let outputs = [nothing.as_fd(), pipes.stdout.as_fd(), pipes.stderr.as_fd()];
    let standard = pipes.terminal.as_ref().map_or(outputs, |terminal| [terminal.as_fd(); 3]);
    let sources: Vec<OwnedFd> = standard
        .into_iter()
        .chain([pipes.answer.as_fd(), prelude.as_fd()])
        .chain(setup_files.iter().map(AsFd::as_fd))
        .map(|source| rustix::io::fcntl_dupfd_cloexec(source, 100))
        .collect::<Result<_, _>>()
        .doing(action)?;
    debug_assert_eq!(FIRST_SETUP_DESCRIPTOR, PRELUDE_DESCRIPTOR + 1);
    for (number, source) in (0..).zip(&sources) {
        place_descriptor(source.as_fd(), number).doing(action)?;
    }
    close_descriptors_from(u32::try_from(sources.len()).unwrap_or(u32::MAX));
    Ok(())
}

fn prelude_text(command: &backend::Command, workdir: &Path) -> String {
    let mut text = prelude(&command.environment, workdir, &command.setup_files);
    if command.script.len() > ARGUMENT_LIMIT_BYTES {
        text.push_str(&command.script);
        text.push('\n');
        text.push_str("exit\n");
    }
    text
}

fn memory_file(text: &str) -> Result<File, Failure> {
    let action = || "keep the login text".to_owned();
    let mut file =
        File::from(rustix::fs::memfd_create("layerc", MemfdFlags::CLOEXEC).doing(action)?);
    file.write_all(text.as_bytes()).doing(action)?;
    file.rewind().doing(action)?;
    Ok(file)
}

/// Takes the powers from what this process will start.
pub(crate) fn limit_powers() {
    for power in POWERS_LEFT_OUT {
        // An older kernel that doesn't know one doesn't grant it either.
        let _ = remove_capability_from_bounding_set(power);
    }
}

fn become_user(account: &Account) -> Result<(), Failure> {
    let groups: Vec<Gid> = account.groups.iter().map(|group| Gid::from_raw(*group)).collect();
    let (user, group) = (Uid::from_raw(account.user), Gid::from_raw(account.group));
    // In a namespace with a single identity the kernel allows no groups; root does without.
    let grouped = rustix::thread::set_thread_groups(&groups);
    let changed = rustix::thread::set_thread_res_gid(Some(group), Some(group), Some(group))
        .and_then(|()| rustix::thread::set_thread_res_uid(Some(user), Some(user), Some(user)));
    if account.user == 0 {
        return changed.doing(|| "become root".to_owned());
    }
    grouped.and(changed).map_err(|error| {
        Failure::Refused(format!(
            "cannot run as `{}` (user {}): {error}; without root, users other than root need the program newuidmap \
             (package `uidmap`) and ranges for you in /etc/subuid and /etc/subgid",
            account.name, account.user
        ))
    })
}

fn tell(mut report: impl Write, failure: Failure) {
    let text = postcard::to_stdvec(&Reply::from(failure)).unwrap_or_default();
    let _ = report.write_all(&text);
}

fn heard(text: &[u8]) -> Failure {
    match postcard::from_bytes(text) {
        Ok(Reply::Refused(text)) => Failure::Refused(text),
        Ok(Reply::Failed { action, errno, .. }) if errno != 0 => {
            Failure::System { action, source: std::io::Error::from_raw_os_error(errno) }
        }
        Ok(Reply::Failed { action, text, .. }) => {
            Failure::System { action, source: std::io::Error::other(text) }
        }
        Ok(_) | Err(_) => Failure::Refused("the new process ended before it ran bash".to_owned()),
    }
}
