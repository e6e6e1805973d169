//! Files as they were typed: one module a kind of file.
//!
//! Nothing here fails on a value. Whatever stands where is kept, with its shape, so that the check can say everything that
//! is wrong with a file at once; a deserialiser that returns its first error could not. What a key may be is in the
//! structs, and a key that is not there is remembered as such.

pub(super) mod deploy;
pub(super) mod entities;
pub(super) mod inventory;
mod part;
mod quota;
mod shape;
pub(super) mod source;
pub(super) mod trial;
pub(super) mod zone;

pub(super) use part::{Part, Record};
pub(super) use quota::Quota;
pub(super) use shape::{Content, Node, Scalar, Shape, Table};

/// One value.
pub(super) type Text = Node<Scalar>;
/// Several values.
pub(super) type Texts = Node<Vec<Text>>;
/// A mapping with fixed keys.
pub(super) type Block<T> = Node<Part<T>>;
/// Several of them.
pub(super) type Blocks<T> = Node<Vec<Block<T>>>;
/// A mapping with free keys.
pub(super) type Named<T> = Node<Table<T>>;

/// A struct whose fields may all be absent, and whose keys are those fields and no others.
macro_rules! record {
    ($($(#[$meta:meta])* struct $name:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty,)+ })+) => {
        $(
            $(#[$meta])*
            #[derive(Debug, Default, serde::Deserialize)]
            #[serde(default, deny_unknown_fields)]
            pub(in crate::config) struct $name { $($(#[$field_meta])* pub(in crate::config) $field: $type,)+ }

            impl $crate::config::raw::Record for $name {}
        )+
    };
}
pub(super) use record;
