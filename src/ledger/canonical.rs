//! One value, one sequence of bytes: the JSON Canonicalization Scheme (RFC 8785) for what the ledger holds.
//!
//! Members are sorted by their UTF-16 code units, nothing stands between tokens, and numbers are integers that
//! every JSON reader holds exactly; fractions are refused rather than rounded.

use serde_json::{Number, Value};

/// The largest integer that every JSON reader holds exactly (RFC 7493, section 2.2).
const LARGEST_INTEGER: u64 = (1 << 53) - 1;

/// Why a value has no canonical form.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CanonicalError {
    /// A fraction or an integer beyond 2^53 - 1.
    #[error("number {number} at {place} is not an integer that every reader holds exactly")]
    Number {
        /// Where it stands, as a JSON pointer; the root is empty.
        place: String,
        /// The number.
        number: String,
    },
}

/// Encodes `value` canonically. Fails on numbers that are not integers of at most 53 bits.
pub fn encode_canonical(value: &Value) -> Result<String, CanonicalError> {
    let mut out = String::new();
    encode(value, &mut String::new(), &mut out)?;
    Ok(out)
}

fn encode(value: &Value, place: &mut String, out: &mut String) -> Result<(), CanonicalError> {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => encode_number(number, place, out)?,
        Value::String(text) => encode_text(text, out),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                descend(item, &index.to_string(), place, out)?;
            }
            out.push(']');
        }
        Value::Object(members) => {
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_by(|(left, _), (right, _)| left.encode_utf16().cmp(right.encode_utf16()));
            out.push('{');
            for (index, (name, member)) in sorted.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                encode_text(name, out);
                out.push(':');
                descend(member, name, place, out)?;
            }
            out.push('}');
        }
    }
    Ok(())
}

fn descend(value: &Value, step: &str, place: &mut String, out: &mut String) -> Result<(), CanonicalError> {
    let length = place.len();
    place.push('/');
    place.push_str(step);
    encode(value, place, out)?;
    place.truncate(length);
    Ok(())
}

fn encode_number(number: &Number, place: &str, out: &mut String) -> Result<(), CanonicalError> {
    let magnitude = number.as_u64().or_else(|| number.as_i64().map(i64::unsigned_abs));
    match magnitude {
        Some(magnitude) if magnitude <= LARGEST_INTEGER => out.push_str(&number.to_string()),
        Some(_) | None => return Err(CanonicalError::Number { place: place.to_owned(), number: number.to_string() }),
    }
    Ok(())
}

/// Escapes what RFC 8785, section 3.2.2.2 says, in the one form it allows, and nothing else.
fn encode_text(text: &str, out: &mut String) {
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            control if control < '\u{20}' => {
                let digit = char::from_digit(u32::from(control) % 16, 16).unwrap_or_default();
                out.push_str(if control < '\u{10}' { "\\u000" } else { "\\u001" });
                out.push(digit);
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn members_are_sorted_by_utf16_units_as_in_the_rfc() {
        let value: Value = serde_json::from_str(
            r#"{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew","1":"One","\ud83d\ude00":"Emoji","\u0080":"Control","\u00f6":"o"}"#,
        )
        .unwrap();
        let names: Vec<String> =
            serde_json::from_str::<serde_json::Map<String, Value>>(&encode_canonical(&value).unwrap()).unwrap().keys().cloned().collect();
        assert_eq!(names, ["\r", "1", "\u{80}", "\u{f6}", "\u{20ac}", "\u{1f600}", "\u{fb33}"]);
    }

    #[test]
    fn strings_are_escaped_in_the_one_allowed_form() {
        let value = json!("\u{20ac}$\u{f}\nA'B\"\\\\\"/\u{7f}");
        assert_eq!(encode_canonical(&value).unwrap(), "\"\u{20ac}$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\u{7f}\"");
    }

    #[test]
    fn fractions_and_huge_integers_are_refused_with_their_place() {
        let error = encode_canonical(&json!({"a": [1, {"b": 1.5}]})).unwrap_err();
        assert_eq!(error, CanonicalError::Number { place: "/a/1/b".into(), number: "1.5".into() });
        assert!(encode_canonical(&json!(9_007_199_254_740_991_u64)).is_ok());
        assert!(encode_canonical(&json!(9_007_199_254_740_992_u64)).is_err());
        assert!(encode_canonical(&json!(-9_007_199_254_740_992_i64)).is_err());
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-9_007_199_254_740_991_i64..=9_007_199_254_740_991).prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..6)
                    .prop_map(|members| Value::Object(members.into_iter().rev().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn reading_back_gives_the_same_value_and_encoding_again_the_same_bytes(value in values()) {
            let text = encode_canonical(&value).unwrap();
            let back: Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(&back, &value);
            prop_assert_eq!(encode_canonical(&back).unwrap(), text);
        }
    }
}
