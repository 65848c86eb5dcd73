//! The house keeps to its documents: dependencies run as the table of docs/design.md has them, the README quotes the code.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Used by all, since it reads for all; and it uses the types of what it reads.
const OF_ALL: &str = "config";

#[test]
fn no_module_uses_one_that_stands_below_it() {
    let row = rows();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    for file in rust_files(&source) {
        let inside = file.strip_prefix(&source).unwrap().to_str().unwrap().to_owned();
        let module = inside.split('/').next().unwrap().trim_end_matches(".rs");
        if ["lib", "main", "cli", OF_ALL].contains(&module) {
            continue;
        }
        let own = row.get(module).unwrap_or_else(|| panic!("{module} is not in docs/design.md"));
        for used in used(&fs::read_to_string(&file).unwrap()) {
            if used != OF_ALL && row.get(used.as_str()).is_none_or(|row| row > own) {
                wrong.push(format!("{inside} uses crate::{used}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// In which row of the table each module stands.
fn rows() -> BTreeMap<String, usize> {
    let design = include_str!("../../docs/design.md");
    let (_, table) = design.split_once("| rooms | what they are |").expect("the table");
    let mut rows = BTreeMap::new();
    for (index, line) in table.lines().skip(2).take_while(|line| line.starts_with('|')).enumerate()
    {
        let cell = line.split('|').nth(1).unwrap();
        rows.extend(cell.split('`').skip(1).step_by(2).map(|module| (module.to_owned(), index)));
    }
    assert!(rows.len() > 20, "{rows:?}");
    rows
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|it| it == "rs") && !is_of_tests(&path) {
            files.push(path);
        }
    }
    files
}

/// Tests may look anywhere.
fn is_of_tests(path: &Path) -> bool {
    let name = path.file_stem().unwrap().to_str().unwrap();
    name == "tests" || name.starts_with("test_") || name.ends_with("_tests")
}

/// The modules of the crate that a file names, but for its tests and comments.
fn used(source: &str) -> Vec<String> {
    let (code, _) = source.split_once("#[cfg(test)]\nmod tests {").unwrap_or((source, ""));
    let code = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let code: Vec<_> = code.collect();
    let mut used = Vec::new();
    for after in code.join("\n").split("crate::").skip(1) {
        // `crate::one::…`, or `crate::{one::…, two}`.
        let names = match after.strip_prefix('{') {
            Some(list) => {
                let list = list.split('}').next().unwrap();
                assert!(!list.contains('{'), "a list in a list is not understood here: {list}");
                list.split(',').collect()
            }
            None => vec![after],
        };
        let is_of_name = |c: char| c.is_alphanumeric() || c == '_';
        used.extend(
            names
                .into_iter()
                .map(|name| name.trim().split(|c: char| !is_of_name(c)).next().unwrap().to_owned()),
        );
    }
    used
}

/// The README shows where spans open: what it shows is what is there.
#[test]
fn the_readme_quotes_the_code_as_it_is() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let unindented = |text: &str| text.lines().map(str::trim).collect::<Vec<_>>().join("\n");
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let blocks: Vec<_> = readme.split("```rust\n").collect();
    for pair in blocks.windows(2) {
        // The last file that is linked to before the block.
        let (_, link) = pair[0].rsplit_once("](src/").expect("a link to the file");
        let file = root.join("src").join(link.split(')').next().unwrap());
        let quoted = unindented(pair[1].split("\n```").next().unwrap());
        let code = unindented(&fs::read_to_string(&file).unwrap());
        assert!(code.contains(&quoted), "README shows of {}:\n{quoted}", file.display());
    }
    assert_eq!(blocks.len(), 3, "the SERVER span and a child span");
}
