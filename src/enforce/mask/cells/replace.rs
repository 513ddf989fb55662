//! The value of `replace`, as a cell of its column.

use std::net::IpAddr;

use bytes::{BufMut, BytesMut};
use ipnet::IpNet;
use serde_json::Value;

use super::array;
use super::column::{JSONB_VERSION, fit};
use super::kind::{Kind, Scalar};
use super::plain::{self, Net, Plain};

/// The value of `replace` as a cell.
pub(super) fn constant(kind: Kind, binary: bool, value: &Value, out: &mut BytesMut) -> Option<()> {
    let spelled = match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    };
    match kind {
        Kind::Scalar(Scalar::Text(room)) => {
            let spelled = spelled.filter(|text| !text.contains('\0'))?;
            let start = out.len();
            out.put_slice(spelled.as_bytes());
            fit(room, start, out);
        }
        Kind::Scalar(scalar @ (Scalar::Json | Scalar::Jsonb)) => {
            if binary && scalar == Scalar::Jsonb {
                out.put_u8(JSONB_VERSION);
            }
            let text = value.to_string();
            // The database's own `jsonb` cannot hold it.
            if text.contains("\\u0000") {
                return None;
            }
            out.put_slice(text.as_bytes());
        }
        Kind::Scalar(scalar) => {
            let value = value_of(scalar, &spelled?)?;
            return plain::write(scalar, binary, &value, out).then_some(());
        }
        Kind::Array(scalar, oid) => return constant_array(scalar, oid, binary, value, out),
    }
    Some(())
}

/// A value from its text, as the column's modifier has it: the same texts count as where a mask is woven.
fn value_of(scalar: Scalar, text: &str) -> Option<Plain> {
    let own = |text: &str| plain::read(scalar, false, text.as_bytes());
    match scalar {
        Scalar::Bool => match text {
            "true" => Some(Plain::Bool(true)),
            "false" => Some(Plain::Bool(false)),
            _ => None,
        },
        Scalar::Numeric(digits) => match (own(text)?, digits) {
            (Plain::Numeric(decimal), Some(digits)) => decimal.cut(digits).map(Plain::Numeric),
            (value, _) => Some(value),
        },
        Scalar::Bytea => text.starts_with("\\x").then(|| own(text))?,
        Scalar::Timestamp(step) => stepped(own(text)?, step),
        Scalar::Timestamptz(step) => {
            let value = match text.parse::<jiff::Timestamp>() {
                Ok(moment) => own(&format!("{}+00", moment.to_zoned(jiff::tz::TimeZone::UTC).datetime())),
                Err(_) => own(&format!("{text}+00")),
            };
            stepped(value?, step)
        }
        Scalar::Inet | Scalar::Cidr => {
            let net: IpNet = text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))?;
            let address = if scalar == Scalar::Cidr { net.network() } else { net.addr() };
            Some(Plain::Net(Net { address, bits: net.prefix_len() }))
        }
        Scalar::Integer(_)
        | Scalar::Float4
        | Scalar::Float8
        | Scalar::Date
        | Scalar::Uuid
        | Scalar::Text(_)
        | Scalar::Json
        | Scalar::Jsonb => own(text),
    }
}

fn stepped(value: Plain, step: i64) -> Option<Plain> {
    let Plain::Moment(moment) = value else { return None };
    Some(Plain::Moment(moment.checked_sub(moment.checked_rem_euclid(step)?)?))
}

fn constant_array(scalar: Scalar, oid: u32, binary: bool, value: &Value, out: &mut BytesMut) -> Option<()> {
    let Value::Array(items) = value else { return None };
    let mut cells = Vec::with_capacity(items.len());
    for item in items {
        let mut cell = BytesMut::new();
        let null = item.is_null();
        if !null {
            constant(Kind::Scalar(scalar), binary, item, &mut cell)?;
        }
        cells.push((!null).then_some(cell));
    }
    if !binary {
        let mut elements = BytesMut::new();
        for (index, cell) in cells.iter().enumerate() {
            elements.put_slice(if index == 0 { b"" } else { b"," });
            array::quoted(cell.as_deref(), &mut elements);
        }
        out.put_u8(b'{');
        out.put_slice(&elements);
        out.put_u8(b'}');
        return Some(());
    }
    let nulls = u32::from(cells.iter().any(Option::is_none));
    out.put_u32(u32::from(!cells.is_empty()));
    out.put_u32(nulls);
    out.put_u32(oid);
    if !cells.is_empty() {
        out.put_u32(u32::try_from(cells.len()).ok()?);
        out.put_u32(1);
    }
    for cell in cells {
        out.put_i32(cell.as_ref().map_or(Some(-1), |cell| i32::try_from(cell.len()).ok())?);
        out.put_slice(&cell.unwrap_or_default());
    }
    Some(())
}
