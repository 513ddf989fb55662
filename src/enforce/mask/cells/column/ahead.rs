//! What stands for the cells of many rows, computed together: a processor makes many hashes or tokens in little more time
//! than one.

use bytes::BytesMut;

use super::super::characters::Characters;
use super::super::digest::Digest;
use super::super::ff1::Below;
use super::super::key::Key;
use super::super::kind::{Room, Scalar, Width};
use super::super::masker::Masker;
use super::super::plain::{self, Plain};
use super::super::tokenize;
use super::{Column, Masked, Way, fit};

/// What was computed for the cells of a column, by row.
pub(in super::super) enum Ahead {
    /// Nothing: each is masked by itself.
    Nothing,
    Hashes(Vec<Option<Digest>>),
    Texts(Vec<Option<Characters>>),
    Integers(Vec<Option<i64>>),
}

impl Column {
    /// What stands for these cells, where that is computed together.
    pub(in super::super) fn ahead<'c>(&self, cells: impl Iterator<Item = Option<&'c [u8]>>) -> Ahead {
        match &self.way {
            Way::Text(Masker::Hash(key), room) => Ahead::Hashes(key.hashes(cells.map(|cell| room.text(cell?)))),
            Way::Text(Masker::Tokenize(key), Room { padded: false, .. }) => Ahead::Texts(texts(key, cells)),
            Way::Plain(Masker::Tokenize(key), Scalar::Integer(width)) => {
                Ahead::Integers(integers(key, *width, cells.map(|cell| self.integer(*width, cell?))))
            }
            Way::Null | Way::Constant(_) | Way::Text(..) | Way::Plain(..) | Way::Json(..) | Way::Array(..) => {
                Ahead::Nothing
            }
        }
    }

    /// Writes what was computed for the cell of a row; `None` where nothing was.
    pub(in super::super) fn put(&self, ahead: &Ahead, row: usize, cell: &[u8], out: &mut BytesMut) -> Option<Masked> {
        let start = out.len();
        match (&self.way, ahead) {
            (Way::Text(_, room), Ahead::Hashes(hashes)) => {
                plain::hex(hashes.get(row)?.as_ref()?, out);
                fit(*room, start, out);
            }
            (Way::Text(_, room), Ahead::Texts(tokens)) => {
                tokens.get(row)?.as_ref()?.write_into(cell, out)?;
                fit(*room, start, out);
            }
            (Way::Plain(_, scalar), Ahead::Integers(tokens)) => {
                plain::write(*scalar, self.binary, &Plain::Integer((*tokens.get(row)?)?), out).then_some(())?;
            }
            (
                Way::Null | Way::Constant(_) | Way::Text(..) | Way::Plain(..) | Way::Json(..) | Way::Array(..),
                Ahead::Nothing | Ahead::Hashes(_) | Ahead::Texts(_) | Ahead::Integers(_),
            ) => return None,
        }
        Some(Masked::Value)
    }

    fn integer(&self, width: Width, bytes: &[u8]) -> Option<i64> {
        match plain::read(Scalar::Integer(width), self.binary, bytes) {
            Some(Plain::Integer(value)) => Some(value),
            Some(_) | None => None,
        }
    }
}

fn texts<'c>(key: &Key, cells: impl Iterator<Item = Option<&'c [u8]>>) -> Vec<Option<Characters>> {
    let mut texts: Vec<Option<Characters>> = cells.map(|cell| Characters::all(cell?)).collect();
    let numbers: Vec<Option<Below>> = texts.iter().map(|text| text.as_ref()?.below()).collect();
    for (text, token) in texts.iter_mut().zip(key.tokens(&numbers)) {
        // What is not enciphered is masked by itself.
        if text.as_mut().zip(token).and_then(|(text, token)| text.become_token(token)).is_none() {
            *text = None;
        }
    }
    texts
}

fn integers(key: &Key, width: Width, values: impl Iterator<Item = Option<i64>>) -> Vec<Option<i64>> {
    let values: Vec<Option<i64>> = values.collect();
    let numbers: Vec<Option<Below>> = values.iter().map(|value| tokenize::of_integer(width, (*value)?)).collect();
    let token = |(value, token): (&Option<i64>, Option<u128>)| tokenize::integer_of((*value)?, token?);
    values.iter().zip(key.tokens(&numbers)).map(token).collect()
}
