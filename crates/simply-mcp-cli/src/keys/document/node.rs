//! What a keys file says, in the order in which it says it, and where.

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{DeserializeOwned, Error as _, MapAccess, SeqAccess, Visitor},
};
use serde_saphyr::{Spanned, options::DuplicateKeyPolicy};

/// The most values that aliases may repeat; a keys file needs none.
const MOST_REPEATED: usize = 10_000;

/// The deepest nesting; a keys file has four levels.
const DEEPEST: usize = 32;

/// Where something stands in the text, in bytes.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) start: usize,
    /// The length of a scalar; 1 for a list or map in brackets, and 0 for one that is told by its indentation.
    pub(super) length: usize,
    /// Whether it is an alias (`*name`), so that what it says stands elsewhere.
    pub(super) alias: bool,
}

/// A value, and where it stands. Two are equal when they say the same.
#[derive(Clone)]
pub(super) struct Node {
    /// `None` in JSON, which is not edited in place, and in what is still to be written.
    pub(super) place: Option<Place>,
    pub(super) value: Value,
}

/// What is said. There is no `Debug`: a text may be a key.
#[derive(Clone, PartialEq)]
pub(super) enum Value {
    Null,
    Boolean(bool),
    Integer(i128),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl From<Value> for Node {
    fn from(value: Value) -> Self {
        Self { place: None, value }
    }
}

impl Node {
    /// What YAML text says. `None` when it is no YAML.
    pub(super) fn of_yaml(text: &str) -> Option<Self> {
        let options = serde_saphyr::options! {
            budget: serde_saphyr::budget! { max_depth: DEEPEST, flow_nesting_limit: DEEPEST },
            alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: MOST_REPEATED },
            duplicate_keys: DuplicateKeyPolicy::PassThrough,
            with_snippet: false,
        };
        serde_saphyr::from_str_with_options::<Marked>(text, options)
            .ok()
            .map(Marked::node)
    }

    /// What JSON text says. `None` when it is no JSON.
    pub(super) fn of_json(text: &str) -> Option<Self> {
        serde_json::from_str::<Plain>(text).ok().map(Plain::node)
    }

    /// A text.
    pub(super) fn text(text: impl Into<String>) -> Self {
        Value::Text(text.into()).into()
    }

    /// The text that it is, if it is one.
    pub(super) fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The items, if it is a list.
    pub(super) fn items(&self) -> Option<&[Self]> {
        match &self.value {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// The names and values, if it is a map.
    pub(super) fn members(&self) -> Option<&[(Self, Self)]> {
        match &self.value {
            Value::Map(members) => Some(members),
            _ => None,
        }
    }

    /// The name and the value of a member of a map.
    pub(super) fn member(&self, name: &str) -> Option<&(Self, Self)> {
        self.members()?
            .iter()
            .find(|(known, _)| known.as_text() == Some(name))
    }

    /// Gives a member of a map another value, or the map another member.
    pub(super) fn set(&mut self, name: &str, value: Self) {
        let Value::Map(members) = &mut self.value else {
            return;
        };
        match members
            .iter_mut()
            .find(|(known, _)| known.as_text() == Some(name))
        {
            Some((_, old)) => *old = value,
            None => members.push((Self::text(name), value)),
        }
    }
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.value {
            Value::Null => serializer.serialize_unit(),
            Value::Boolean(truth) => serializer.serialize_bool(*truth),
            Value::Integer(number) => serializer.serialize_i128(*number),
            Value::Float(number) => serializer.serialize_f64(*number),
            Value::Text(text) => serializer.serialize_str(text),
            Value::List(items) => serializer.collect_seq(items),
            Value::Map(members) => {
                serializer.collect_map(members.iter().map(|(name, value)| (name, value)))
            }
        }
    }
}

/// A value without its place, as JSON gives it.
struct Plain(Raw<Self>);

/// A value with its place, as YAML gives it.
struct Marked(Spanned<Raw<Self>>);

/// One level of either.
enum Raw<T> {
    Scalar(Value),
    List(Vec<T>),
    Map(Vec<(T, T)>),
}

impl Plain {
    fn node(self) -> Node {
        self.0.value(Self::node).into()
    }
}

impl Marked {
    fn node(self) -> Node {
        let Self(spanned) = self;
        let span = spanned.referenced.span();
        let bytes = |number: Option<u64>| number.and_then(|number| usize::try_from(number).ok());
        let place = bytes(span.byte_offset()).map(|start| Place {
            start,
            length: bytes(span.byte_len()).unwrap_or_default(),
            alias: spanned.referenced != spanned.defined,
        });
        Node {
            place,
            value: spanned.value.value(Self::node),
        }
    }
}

impl<T> Raw<T> {
    fn value(self, node: impl Fn(T) -> Node) -> Value {
        match self {
            Self::Scalar(value) => value,
            Self::List(items) => Value::List(items.into_iter().map(node).collect()),
            Self::Map(members) => Value::Map(
                members
                    .into_iter()
                    .map(|(name, value)| (node(name), node(value)))
                    .collect(),
            ),
        }
    }
}

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Raw::deserialize(deserializer).map(Self)
    }
}

impl<'de> Deserialize<'de> for Marked {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Spanned::deserialize(deserializer).map(Self)
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Raw<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor(std::marker::PhantomData))
    }
}

struct RawVisitor<T>(std::marker::PhantomData<T>);

impl<'de, T: DeserializeOwned> Visitor<'de> for RawVisitor<T> {
    type Value = Raw<T>;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Raw<T>, E> {
        Ok(Raw::Scalar(Value::Null))
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Raw<T>, E> {
        Ok(Raw::Scalar(Value::Boolean(truth)))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Raw<T>, E> {
        Ok(Raw::Scalar(Value::Integer(number.into())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Raw<T>, E> {
        Ok(Raw::Scalar(Value::Integer(number.into())))
    }

    fn visit_i128<E>(self, number: i128) -> Result<Raw<T>, E> {
        Ok(Raw::Scalar(Value::Integer(number)))
    }

    fn visit_u128<E: serde::de::Error>(self, number: u128) -> Result<Raw<T>, E> {
        i128::try_from(number)
            .map(|number| Raw::Scalar(Value::Integer(number)))
            .map_err(|_| E::custom("a number is too large"))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Raw<T>, E> {
        Ok(Raw::Scalar(Value::Float(number)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Raw<T>, E> {
        Ok(Raw::Scalar(Value::Text(text.to_owned())))
    }

    fn visit_string<E>(self, text: String) -> Result<Raw<T>, E> {
        Ok(Raw::Scalar(Value::Text(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Raw<T>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Raw<T>, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = access.next_entry()? {
            members.push(member);
            if members.len() > MOST_REPEATED {
                return Err(A::Error::custom("a map has too many members"));
            }
        }
        Ok(Raw::Map(members))
    }
}
