//! Renaming what stands at a place: variables, in every file that FROM connects, names of checkpoints, and layers, which
//! means moving their directories.

use super::edit::Edits;
use super::locate::{Thing, thing_at};
use super::{refactorings, variables};
use crate::workspace::FileView;
use layerc_compiler::catalog::variable;
use layerc_compiler::shell::is_name;
use ls_types::{Position, PrepareRenameResponse, WorkspaceEdit};

/// What a new name changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Texts of Layerfiles.
    Texts,
    /// These, and where a directory is.
    Directory,
}

/// What would be renamed at `position`; `None` if nothing there has a name of its own.
pub fn prepare(view: FileView<'_>, position: Position) -> Option<(PrepareRenameResponse, Reach)> {
    let thing = thing_at(view, view.offset(position))?;
    let (placeholder, reach) = match thing {
        Thing::Variable(mention) if is_ours(view, &mention.name) => {
            (mention.name.clone(), Reach::Texts)
        }
        Thing::Checkpoint(word) => (word.value.clone(), Reach::Texts),
        Thing::Layerfile(_) => {
            (refactorings::layer_at(view, view.offset(position))?.0, Reach::Directory)
        }
        Thing::Variable(_) | Thing::Keyword(..) | Thing::Image(_) | Thing::Path(_) => return None,
    };
    let range = view.range(thing.span());
    Some((PrepareRenameResponse::RangeWithPlaceholder { range, placeholder }, reach))
}

/// The edits that rename it.
///
/// # Errors
/// If the new name can't be one; the words say why.
pub fn rename(
    view: FileView<'_>,
    position: Position,
    new_name: &str,
) -> Result<Option<WorkspaceEdit>, String> {
    let mut edits = Edits::default();
    match thing_at(view, view.offset(position)) {
        Some(Thing::Variable(mention)) if is_ours(view, &mention.name) => {
            check_variable_name(new_name)?;
            for place in variables::places(view, &mention.name) {
                edits.replace(place.view, place.mention.span, new_name);
            }
        }
        Some(Thing::Checkpoint(word)) => {
            if new_name.is_empty() || new_name.contains(char::is_whitespace) {
                return Err(format!("`{new_name}` can't name a checkpoint: write one word"));
            }
            edits.replace(view, word.span, new_name);
        }
        Some(Thing::Layerfile(_)) => {
            return refactorings::rename_layer(view, view.offset(position), new_name);
        }
        _ => return Ok(None),
    }
    Ok(Some(edits.into_workspace_edit()))
}

/// Whether the repository defines the variable; built-in ones keep their names.
fn is_ours(view: FileView<'_>, name: &str) -> bool {
    variables::places(view, name).iter().any(|place| place.mention.role.defines())
}

fn check_variable_name(name: &str) -> Result<(), String> {
    if !is_name(name) {
        return Err(format!(
            "`{name}` can't name a variable: use letters, digits and `_`, and begin with no digit"
        ));
    }
    if variable(name).is_some() {
        return Err(format!("`{name}` is a built-in variable: choose another name"));
    }
    Ok(())
}
