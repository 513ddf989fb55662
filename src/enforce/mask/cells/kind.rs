//! The types whose values are masked, by PostgreSQL's own numbers for them, and what a modifier says of them.

/// What PostgreSQL adds to the length in a modifier.
const MODIFIER_BASE: i32 = 4;
/// Most bytes of a `name`.
const NAME: usize = 63;

/// A type as RowDescription or the catalog gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ColumnType {
    /// Its number; of a domain, the number of what is below it.
    pub oid: u32,
    /// Its modifier, -1 for none.
    pub modifier: i32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Scalar(Scalar),
    /// The elements' kind and number.
    Array(Scalar, u32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scalar {
    Text(Room),
    /// By the greatest value.
    Integer(Width),
    Numeric(Option<Digits>),
    Float4,
    Float8,
    Bool,
    Date,
    /// With microseconds of the smallest step.
    Timestamp(i64),
    Timestamptz(i64),
    Uuid,
    Bytea,
    Json,
    Jsonb,
    Inet,
    Cidr,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Width {
    Two,
    Four,
    Eight,
}

/// How much text there is room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Room {
    /// Characters.
    pub(super) most: usize,
    /// Bytes.
    pub(super) bytes: usize,
    /// Whether blanks fill it up.
    pub(super) padded: bool,
}

/// `numeric(precision, scale)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Digits {
    pub(super) precision: u32,
    pub(super) scale: u32,
}

impl Room {
    /// As much as one likes.
    pub(super) const FREE: Self = Self { most: usize::MAX, bytes: usize::MAX, padded: false };

    /// A value without what fills it up.
    pub(super) fn unpadded(self, value: &str) -> &str {
        if self.padded { value.trim_end_matches(' ') } else { value }
    }

    /// The same of a cell; `None` for what is no text.
    pub(super) fn text(self, cell: &[u8]) -> Option<&[u8]> {
        // Most are, and to see it costs less than to read them.
        if !self.padded && cell.is_ascii() {
            return Some(cell);
        }
        std::str::from_utf8(cell).ok().map(|value| self.unpadded(value).as_bytes())
    }
}

impl Width {
    pub(super) fn most(self) -> i64 {
        match self {
            Self::Two => i16::MAX.into(),
            Self::Four => i32::MAX.into(),
            Self::Eight => i64::MAX,
        }
    }
}

impl Kind {
    /// `None` for a type that nobody here reads.
    pub(super) fn of(column: ColumnType) -> Option<Self> {
        if let Some(scalar) = Scalar::of(column.oid, column.modifier) {
            return Some(Self::Scalar(scalar));
        }
        let element = match column.oid {
            1000 => 16,
            1001 => 17,
            1003 => 19,
            1005 => 21,
            1007 => 23,
            1009 => 25,
            1014 => 1042,
            1015 => 1043,
            1016 => 20,
            1021 => 700,
            1022 => 701,
            1041 => 869,
            651 => 650,
            1115 => 1114,
            1182 => 1082,
            1185 => 1184,
            1231 => 1700,
            2951 => 2950,
            199 => 114,
            3807 => 3802,
            _ => return None,
        };
        Scalar::of(element, column.modifier).map(|scalar| Self::Array(scalar, element))
    }
}

impl Scalar {
    fn of(oid: u32, modifier: i32) -> Option<Self> {
        Some(match oid {
            16 => Self::Bool,
            17 => Self::Bytea,
            19 => Self::Text(Room { most: usize::MAX, bytes: NAME, padded: false }),
            20 => Self::Integer(Width::Eight),
            21 => Self::Integer(Width::Two),
            23 => Self::Integer(Width::Four),
            25 => Self::Text(Room::FREE),
            114 => Self::Json,
            650 => Self::Cidr,
            700 => Self::Float4,
            701 => Self::Float8,
            869 => Self::Inet,
            1042 => Self::Text(Room { most: length(modifier), bytes: usize::MAX, padded: modifier >= MODIFIER_BASE }),
            1043 => Self::Text(Room { most: length(modifier), bytes: usize::MAX, padded: false }),
            1082 => Self::Date,
            1114 => Self::Timestamp(step(modifier)),
            1184 => Self::Timestamptz(step(modifier)),
            1700 => Self::Numeric(digits(modifier)?),
            2950 => Self::Uuid,
            3802 => Self::Jsonb,
            _ => return None,
        })
    }
}

/// Characters of `varchar(n)` and `char(n)`.
fn length(modifier: i32) -> usize {
    modifier.checked_sub(MODIFIER_BASE).and_then(|length| usize::try_from(length).ok()).unwrap_or(usize::MAX)
}

/// Microseconds that `timestamp(p)` tells apart.
fn step(modifier: i32) -> i64 {
    match modifier {
        0 => 1_000_000,
        1 => 100_000,
        2 => 10_000,
        3 => 1_000,
        4 => 100,
        5 => 10,
        _ => 1,
    }
}

/// `None` where the scale is one that no value here is made for: negative, or beyond the precision.
#[expect(clippy::option_option, reason = "a type without a modifier is read, a type with an odd one is not")]
fn digits(modifier: i32) -> Option<Option<Digits>> {
    let Some(packed) = modifier.checked_sub(MODIFIER_BASE).and_then(|packed| u32::try_from(packed).ok()) else {
        return Some(None);
    };
    let (precision, scale) = (packed >> 16, packed & 0x7ff);
    (scale <= precision).then_some(Some(Digits { precision, scale }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modifiers_say_what_fits() {
        let of = |oid, modifier| Kind::of(ColumnType { oid, modifier });
        let room = |most, padded| Some(Kind::Scalar(Scalar::Text(Room { most, bytes: usize::MAX, padded })));
        assert_eq!(of(1043, 14), room(10, false));
        assert_eq!(of(1042, 5), room(1, true));
        assert_eq!(of(1043, -1), room(usize::MAX, false));
        let numeric = |precision, scale| Some(Kind::Scalar(Scalar::Numeric(Some(Digits { precision, scale }))));
        assert_eq!(of(1700, ((10 << 16) | 2) + 4), numeric(10, 2));
        assert_eq!(of(1700, ((3 << 16) | (0x7ff & -2)) + 4), None, "numeric(3,-2)");
        assert_eq!(of(1700, ((2 << 16) | 5) + 4), None, "numeric(2,5)");
        assert_eq!(of(1700, -1), Some(Kind::Scalar(Scalar::Numeric(None))));
        assert_eq!(of(1114, 3), Some(Kind::Scalar(Scalar::Timestamp(1_000))));
        assert_eq!(of(1231, -1), Some(Kind::Array(Scalar::Numeric(None), 1700)));
        assert_eq!(of(600, -1), None, "a point");
    }
}
