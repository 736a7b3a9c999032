//! Lists of system calls, as the compiler of filters takes them: shared by what steps are refused (`agent::filter`) and what
//! machines' threads are allowed (`kvm::jail`). What becomes of a call that is in a list is theirs to say.
//!
//! Knows numbers and comparisons of arguments, no meaning of any.

use seccompiler::{BackendError, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompRule};
use std::collections::BTreeMap;

/// Calls, each whatever its arguments are, or only where one of some comparisons of an argument holds.
#[derive(Debug, Default)]
pub(crate) struct CallRules(BTreeMap<libc::c_long, Vec<SeccompRule>>);

impl CallRules {
    /// Those with any arguments.
    pub(crate) fn whatever_arguments<'a>(calls: impl Iterator<Item = &'a libc::c_long>) -> Self {
        let mut rules = Self::default();
        for call in calls {
            rules.0.insert(*call, Vec::new());
        }
        rules
    }

    /// One more: where the lower half of this argument (counted from 0; the kernel looks at no more of the arguments that
    /// are compared here) compares so with this value.
    ///
    /// # Errors
    /// When there is no such argument.
    pub(crate) fn where_argument(
        &mut self,
        call: libc::c_long,
        argument: u8,
        comparison: SeccompCmpOp,
        value: u64,
    ) -> Result<(), BackendError> {
        let length = SeccompCmpArgLen::Dword;
        let condition = SeccompCondition::new(argument, length, comparison, value)?;
        self.0.entry(call).or_default().push(SeccompRule::new(vec![condition])?);
        Ok(())
    }

    /// For the compiler.
    pub(crate) fn into_map(self) -> BTreeMap<libc::c_long, Vec<SeccompRule>> {
        self.0
    }
}
