//! The generated files under `editors/` are what the catalogue and the specification say today.
//!
//! With `UPDATE_EDITOR_FILES=1` it writes them instead.

use layerc_tests::editor_files;
use layerc_tests::project_files::root;

#[test]
fn generated_editor_files_are_up_to_date() {
    let update = std::env::var_os("UPDATE_EDITOR_FILES").is_some();
    let mut stale = Vec::new();
    for file in editor_files::all() {
        let path = root().join(&file.path);
        if update {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &file.text).unwrap();
        } else if std::fs::read_to_string(&path).ok().as_ref() != Some(&file.text) {
            stale.push(file.path);
        }
    }
    assert!(
        stale.is_empty(),
        "not what would be generated today: {stale:#?}\n\
         UPDATE_EDITOR_FILES=1 cargo test --package layerc-tests --test editor_files"
    );
}
