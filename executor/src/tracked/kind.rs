//! The kinds of things that are served. Everything else (devices, sockets, pipes) counts as absent.

/// What a name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    File,
    Directory,
    Link,
}

impl Kind {
    /// Its byte in the encodings of answers.
    pub(super) const fn code(self) -> u8 {
        match self {
            Self::File => b'f',
            Self::Directory => b'd',
            Self::Link => b'l',
        }
    }
}
