//! The accounts of the base `host`: the system's own users and groups, no people, no passwords.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Numbers below this belong to the system; `nobody` and `nogroup` lie above.
const FIRST_PERSON: u32 = 1000;

/// `nobody` on most systems.
const NOBODY: u32 = 65_534;

/// Who may become root without a password: everybody in group root, which every user of a machine is in.
const SUDOERS: &str = "Defaults env_reset\n\
    Defaults secure_path=\"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\"\n\
    root ALL=(ALL:ALL) ALL\n%root ALL=(ALL:ALL) NOPASSWD: ALL\n%sudo ALL=(ALL:ALL) NOPASSWD: ALL\n";

/// Writes the account files into `etc` from the host's.
pub(super) fn write(etc: &Path) -> io::Result<()> {
    let passwd = system_users(&read("/etc/passwd"));
    let group = system_groups(&read("/etc/group"));
    write_file(&etc.join("shadow"), &locked(&passwd, "*:19000:0:99999:7:::"), 0o640)?;
    write_file(&etc.join("gshadow"), &locked(&group, "*::"), 0o640)?;
    write_file(&etc.join("passwd"), &passwd, 0o644)?;
    write_file(&etc.join("group"), &group, 0o644)?;
    write_file(&etc.join("sudoers"), SUDOERS, 0o440)
}

fn read(path: &str) -> String {
    fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

fn write_file(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    fs::write(path, text)?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

fn is_system(number: &str) -> bool {
    number.parse::<u32>().is_ok_and(|number| number < FIRST_PERSON || number == NOBODY)
}

/// Root always has bash and `/root`.
fn system_users(passwd: &str) -> String {
    let mut text = "root:x:0:0:root:/root:/bin/bash\n".to_owned();
    for line in passwd.lines() {
        let fields: Vec<&str> = line.split(':').collect();
        if let [name, _, user, group, about, home, shell] = fields.as_slice()
            && *user != "0"
            && is_system(user)
        {
            text.push_str(&format!("{name}:x:{user}:{group}:{about}:{home}:{shell}\n"));
        }
    }
    text
}

fn system_groups(group: &str) -> String {
    let mut text = "root:x:0:\n".to_owned();
    for line in group.lines() {
        let fields: Vec<&str> = line.split(':').collect();
        if let [name, _, number, _] = fields.as_slice()
            && *number != "0"
            && is_system(number)
        {
            text.push_str(&format!("{name}:x:{number}:\n"));
        }
    }
    text
}

/// One line per account of `accounts`, with a password that nothing matches.
fn locked(accounts: &str, rest: &str) -> String {
    accounts
        .lines()
        .filter_map(|line| Some(format!("{}:{rest}\n", line.split(':').next()?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_left_out() {
        let passwd = "root:secret:0:0:Me:/root:/bin/zsh\ndaemon:x:1:1:d:/:/bin/sh\nann:x:1000:1000:Ann:/home/ann:/bin/sh\n";
        assert_eq!(
            system_users(passwd),
            "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1:d:/:/bin/sh\n"
        );
        let group = "root:x:0:ann\nsudo:x:27:ann\nann:x:1000:\nnogroup:x:65534:\n";
        assert_eq!(system_groups(group), "root:x:0:\nsudo:x:27:\nnogroup:x:65534:\n");
        assert_eq!(locked("a:x:1:\n", "*::"), "a:*::\n");
    }
}
