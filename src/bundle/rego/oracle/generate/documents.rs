//! Inputs and base data.

use serde_json::{Map, Value, json};

use super::Generator;

impl Generator {
    fn item(&mut self) -> Value {
        let mut item = Map::new();
        for field in ["a", "b", "s", "k", "n"] {
            if self.chance(70) {
                let value = match field {
                    "a" => json!(self.pick(&["x", "y", "pg_z"])),
                    "b" => json!(self.pick(&[true, false])),
                    "s" => self.pick(&[json!(["x"]), json!(["x", "y"]), json!([])]),
                    "k" => json!(self.pick(&["k1", "k2", "k3"])),
                    _ => json!(self.pick(&[0, 1, 5])),
                };
                item.insert(field.to_owned(), value);
            }
        }
        Value::Object(item)
    }

    fn lose_some(&mut self, mut value: Value) -> Value {
        if self.chance(35)
            && let Some(map) = value.as_object_mut()
        {
            let keys: Vec<String> = map.keys().cloned().collect();
            let key = self.pick(&keys);
            map.remove(&key);
        }
        value
    }

    pub(super) fn documents(&mut self) -> (Value, Value) {
        let items: Vec<Value> = (0..self.below(4)).map(|_| self.item()).collect();
        let input = json!({
            "t": items, "u": self.pick(&["eve", "bob", "x"]), "g": self.pick(&[json!(["x"]), json!(["y", "x"]), json!([])]),
            "n": self.below(6), "o": self.item(), "f": self.chance(50), "z": null,
        });
        let m: Map<String, Value> = ["k1", "k2", "k3"].iter().map(|key| ((*key).to_owned(), self.item())).collect();
        let m = self.lose_some(Value::Object(m));
        let base = json!({
            "m": self.lose_some(m), "deny": self.pick(&[json!(["x"]), json!(["y", "pg_z"]), json!([])]),
            "roles": {"eve": ["x"], "bob": []}, "n": self.below(3),
        });
        let (input, base) = (self.lose_some(input), self.lose_some(base));
        (self.lose_some(input), json!({"base": base}))
    }
}
