use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use tar::{Builder, EntryType, Header};

use super::*;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn header(kind: EntryType, size: usize) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_size(size.try_into().unwrap());
    header
}

/// Writes the name as it is: the library's own writer refuses the names that matter here.
fn named(mut header: Header, name: &str) -> Header {
    header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
    header.set_cksum();
    header
}

fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (name, text) in entries {
        builder.append(&named(header(EntryType::Regular, text.len()), name), *text).unwrap();
    }
    builder.into_inner().unwrap()
}

fn open(tar: &[u8]) -> Result<Vec<TextFile>, BundleError> {
    read(Path::new("b.tar.gz"), &gzip(tar))
}

#[test]
fn names_as_opa_writes_them_are_read() {
    let tar =
        archive(&[("/data.json", b"{}"), ("./a/x.rego", b"package a"), (".manifest", b"{}"), ("README", b"\xff")]);
    let paths: Vec<_> = open(&tar).unwrap().into_iter().map(|file| file.path).collect();
    assert_eq!(paths, [".manifest", "a/x.rego", "data.json"]);
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    for name in ["../x.rego", "a/../../x.rego", "//etc/x.rego", "a//x.rego", "a/./x.rego", "a\\..\\x.rego", "..", "/"] {
        assert!(matches!(open(&archive(&[(name, b"")])), Err(BundleError::ArchiveName { .. })), "{name}");
    }
}

#[test]
fn links_and_devices_are_refused() {
    let kinds = [EntryType::Symlink, EntryType::Link, EntryType::Char, EntryType::Block, EntryType::Fifo];
    for kind in kinds {
        let mut header = header(kind, 0);
        header.set_link_name("/etc/passwd").unwrap();
        let mut builder = Builder::new(Vec::new());
        builder.append(&named(header, "x.rego"), &b""[..]).unwrap();
        let tar = builder.into_inner().unwrap();
        assert!(matches!(open(&tar), Err(BundleError::ArchiveEntry { .. })), "{kind:?}");
    }
}

#[test]
fn a_file_given_twice_is_refused() {
    let tar = archive(&[("x.rego", b"package a"), ("/x.rego", b"package b")]);
    assert!(matches!(open(&tar), Err(BundleError::ArchiveTwice { .. })));
}

#[test]
fn too_many_files_are_refused() {
    let names: Vec<String> = (0..=MAX_FILES).map(|index| format!("n{index}")).collect();
    let entries: Vec<_> = names.iter().map(|name| (name.as_str(), &b""[..])).collect();
    assert!(matches!(open(&archive(&entries)), Err(BundleError::TooMany { .. })));
}

#[test]
fn a_bomb_is_refused_before_it_is_inflated() {
    let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
    let head = named(header(EntryType::Regular, 1 << 30), "data.json");
    bomb.write_all(head.as_bytes()).unwrap();
    for _ in 0..256 {
        bomb.write_all(&vec![b' '; 1 << 20]).unwrap();
    }
    let error = read(Path::new("b.tar.gz"), &bomb.finish().unwrap()).unwrap_err();
    assert!(error.to_string().contains("inflates to more than"), "{error}");
}

#[test]
fn a_length_that_lies_is_refused() {
    let mut tar = named(header(EntryType::Regular, 1 << 20), "x.rego").as_bytes().to_vec();
    tar.extend_from_slice(b"package a");
    assert!(matches!(open(&tar), Err(BundleError::Archive { .. })));
}

#[test]
fn a_cut_archive_is_never_read() {
    let whole = gzip(&archive(&[("a.rego", b"package a\n"), ("b.rego", b"package b\n")]));
    for length in 0..whole.len() {
        assert!(read(Path::new("b.tar.gz"), &whole[..length]).is_err(), "{length}");
    }
}

proptest! {
    #[test]
    fn what_was_packed_is_read(files in proptest::collection::btree_map("[a-z]{1,8}(/[a-z]{1,8}){0,3}\\.rego", "\\PC{0,64}", 0..8)) {
        let entries: Vec<_> = files.iter().map(|(name, text)| (name.as_str(), text.as_bytes())).collect();
        let read = open(&archive(&entries)).unwrap();
        let read: Vec<_> = read.into_iter().map(|file| (file.path, file.text)).collect();
        prop_assert_eq!(read, files.into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn noise_is_answered(noise in proptest::collection::vec(any::<u8>(), 0..2048)) {
        let _ = open(&noise);
        prop_assert!(noise.starts_with(&[0x1f, 0x8b]) || read(Path::new("b.tar.gz"), &noise).is_err());
    }
}
