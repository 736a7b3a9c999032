//! Users and groups of a machine, read from and written to its `/etc` as `useradd` would, without running it.
//!
//! Called in a process that is already inside the machine, as its root.

use super::failure::{Doing, Failure};
use rustix::fs::{Gid, Uid};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Largest account file that is read.
const FILE_LIMIT_BYTES: u64 = 4 * 1024 * 1024;

/// First number for new users, as Debian, Fedora and others have it.
const FIRST_USER: u32 = 1000;

/// Last number for new users.
const LAST_USER: u32 = 59_999;

/// Longest user name (`useradd`'s limit).
const NAME_LIMIT_BYTES: usize = 32;

/// A user who can run commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) user: u32,
    pub(crate) group: u32,
    pub(crate) home: PathBuf,
    pub(crate) shell: String,
    /// All groups besides `group`; always has root's.
    pub(crate) groups: Vec<u32>,
}

/// The account files of a machine, by their text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct AccountFiles {
    passwd: String,
    group: String,
}

/// The user of this name; made with a home and bash when there is none, and put into group root.
pub(crate) fn ensure_account(etc: &Path, name: &str) -> Result<Account, Failure> {
    if !is_name(name) {
        return Err(Failure::Refused(format!("`{name}` is not a user name")));
    }
    let files =
        AccountFiles { passwd: read(&etc.join("passwd"))?, group: read(&etc.join("group"))? };
    let mut wanted = files.clone();
    let is_new = wanted.find(name).is_none();
    if is_new {
        wanted.add(name)?;
    }
    wanted.join_root(name);
    if wanted.passwd != files.passwd {
        replace(&etc.join("passwd"), &wanted.passwd)?;
        lock_password(etc, name)?;
    }
    if wanted.group != files.group {
        replace(&etc.join("group"), &wanted.group)?;
    }
    let account =
        wanted.find(name).ok_or_else(|| Failure::Refused(format!("cannot make user `{name}`")))?;
    if is_new {
        make_home(etc, &account)?;
    }
    Ok(account)
}

/// The home of a user, if there is such a user.
pub(crate) fn home_of(etc: &Path, name: &str) -> Result<Option<PathBuf>, Failure> {
    let files = AccountFiles { passwd: read(&etc.join("passwd"))?, group: String::new() };
    Ok(files.find(name).map(|account| account.home))
}

/// Where a user that does not exist yet will live.
pub(crate) fn future_home(name: &str) -> PathBuf {
    Path::new("/home").join(name)
}

fn is_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
    (1..=NAME_LIMIT_BYTES).contains(&bytes.len())
        && bytes.iter().all(allowed)
        && !name.starts_with(['-', '.'])
}

impl AccountFiles {
    fn find(&self, name: &str) -> Option<Account> {
        let line = self.passwd.lines().find(|line| line.split(':').next() == Some(name))?;
        let fields: Vec<&str> = line.split(':').collect();
        let &[_, _, user, group, _, home, shell] = fields.as_slice() else { return None };
        let group = group.parse().ok()?;
        let mut groups: BTreeSet<u32> = self.groups_of(name).collect();
        groups.insert(0);
        groups.remove(&group);
        let home = if home.starts_with('/') { home } else { "/" };
        let shell = if shell.is_empty() { "/bin/bash" } else { shell };
        Some(Account {
            name: name.to_owned(),
            user: user.parse().ok()?,
            group,
            home: PathBuf::from(home),
            shell: shell.to_owned(),
            groups: groups.into_iter().collect(),
        })
    }

    fn groups_of(&self, name: &str) -> impl Iterator<Item = u32> {
        self.group.lines().filter_map(move |line| {
            let mut fields = line.split(':').skip(2);
            let (number, members) = (fields.next()?, fields.next()?);
            members.split(',').any(|member| member == name).then(|| number.parse().ok())?
        })
    }

    fn add(&mut self, name: &str) -> Result<(), Failure> {
        let taken: BTreeSet<u32> = [&self.passwd, &self.group]
            .into_iter()
            .flat_map(|text| text.lines().filter_map(|line| line.split(':').nth(2)?.parse().ok()))
            .collect();
        let number =
            (FIRST_USER..=LAST_USER).find(|number| !taken.contains(number)).ok_or_else(|| {
                Failure::Refused(format!("cannot make user `{name}`: no number is free"))
            })?;
        end_line(&mut self.passwd);
        self.passwd.push_str(&format!(
            "{name}:x:{number}:{number}::{}:/bin/bash\n",
            future_home(name).display()
        ));
        if !self.group.lines().any(|line| line.split(':').next() == Some(name)) {
            end_line(&mut self.group);
            self.group.push_str(&format!("{name}:x:{number}:\n"));
        }
        Ok(())
    }

    fn join_root(&mut self, name: &str) {
        if name == "root" || self.groups_of(name).any(|group| group == 0) {
            return;
        }
        let lines =
            self.group.lines().map(|line| match line.split(':').collect::<Vec<_>>().as_slice() {
                [group, password, "0", ""] => format!("{group}:{password}:0:{name}\n"),
                [group, password, "0", members] => {
                    format!("{group}:{password}:0:{members},{name}\n")
                }
                _ => format!("{line}\n"),
            });
        self.group = lines.collect();
    }
}

fn end_line(text: &mut String) {
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
}

/// A new user has no password. Machines without shadow passwords need no line.
fn lock_password(etc: &Path, name: &str) -> Result<(), Failure> {
    let path = etc.join("shadow");
    if !path.exists() {
        return Ok(());
    }
    let mut shadow = read(&path)?;
    end_line(&mut shadow);
    shadow.push_str(&format!("{name}:!:19000:0:99999:7:::\n"));
    replace(&path, &shadow)
}

fn make_home(etc: &Path, account: &Account) -> Result<(), Failure> {
    if account.home.exists() {
        return Ok(());
    }
    fs::create_dir_all(&account.home).doing(|| format!("make {}", account.home.display()))?;
    give(&account.home, account)?;
    for entry in fs::read_dir(etc.join("skel")).into_iter().flatten().flatten() {
        let target = account.home.join(entry.file_name());
        if entry.file_type().is_ok_and(|kind| kind.is_file())
            && fs::copy(entry.path(), &target).is_ok()
        {
            give(&target, account)?;
        }
    }
    Ok(())
}

fn give(path: &Path, account: &Account) -> Result<(), Failure> {
    rustix::fs::chown(path, Some(Uid::from_raw(account.user)), Some(Gid::from_raw(account.group)))
        .doing(|| format!("give {} to {} (number {})", path.display(), account.name, account.user))
}

fn read(path: &Path) -> Result<String, Failure> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.len() > FILE_LIMIT_BYTES => {
            Err(Failure::Refused(format!("{} is too large", path.display())))
        }
        Ok(_) => Ok(String::from_utf8_lossy(
            &fs::read(path).doing(|| format!("read {}", path.display()))?,
        )
        .into_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(error).doing(|| format!("read {}", path.display())),
    }
}

/// Writes beside and renames over, so that no reader sees half a file; keeps owner and mode.
fn replace(path: &Path, text: &str) -> Result<(), Failure> {
    let action = || format!("write {}", path.display());
    let beside = path.with_extension("layerc-new");
    fs::write(&beside, text).doing(action)?;
    if let Ok(old) = fs::metadata(path) {
        fs::set_permissions(&beside, fs::Permissions::from_mode(old.mode() & 0o7777))
            .doing(action)?;
        let _ = rustix::fs::chown(
            &beside,
            Some(Uid::from_raw(old.uid())),
            Some(Gid::from_raw(old.gid())),
        );
    }
    fs::rename(&beside, path).doing(action)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn debian() -> AccountFiles {
        AccountFiles {
            passwd: "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534::/nonexistent:/usr/sbin/nologin".to_owned(),
            group: "root:x:0:\nstaff:x:50:nobody\nnode:x:1000:\n".to_owned(),
        }
    }

    #[test]
    fn a_new_user_gets_a_free_number_a_home_bash_and_group_root() {
        let mut files = debian();
        files.add("ci").unwrap();
        files.join_root("ci");
        let account = files.find("ci").unwrap();
        assert_eq!(
            (account.user, account.home.to_str(), account.shell.as_str()),
            (1001, Some("/home/ci"), "/bin/bash")
        );
        assert_eq!(account.groups, vec![0]);
        assert!(files.group.starts_with("root:x:0:ci\n"), "{}", files.group);
    }

    #[test]
    fn a_group_of_the_same_name_is_kept() {
        let mut files = debian();
        files.add("node").unwrap();
        assert_eq!(files.group.matches("node:").count(), 1);
    }

    #[test]
    fn joining_root_twice_changes_nothing() {
        let mut files = debian();
        files.join_root("nobody");
        let once = files.clone();
        files.join_root("nobody");
        assert_eq!(files, once);
        assert_eq!(files.find("nobody").unwrap().groups, vec![0, 50]);
    }

    #[test]
    fn names_that_could_be_something_else_are_refused() {
        for name in ["", "-x", "a:b", "a\nb", "../x", "ü", &"x".repeat(33)] {
            assert!(!is_name(name), "{name:?}");
        }
        assert!(is_name("www-data"));
    }
}
