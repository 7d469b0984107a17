//! What a call carries from one round to the next: the client's answers, and the handler's state.
//!
//! In MCP 2026-07-28 a question ends the call, and the answer arrives with the same call made again
//! (SEP-2322). Between the two, everything the server must remember travels through the client as
//! `requestState`. It is signed (HMAC-SHA256), expires, and is bound to the caller, the method, the
//! name and the arguments, so that it is worthless anywhere else.

use std::{
    collections::BTreeMap,
    sync::{Mutex, OnceLock, PoisonError},
    time::Duration,
};

use rmcp::model::{
    ErrorData, InputResponses, JsonObject, RequestStateCodec, RequestStateError, SealOptions,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::ToolError;
use crate::{facts::StateKey, refusal::said};

/// How long a client may take for one round: a person answers, perhaps after lunch.
const TIME_TO_LIVE: Duration = Duration::from_secs(3600);

/// The largest state in bytes, before encoding: it is sent and received in every further round.
const MAX_STATE: usize = 256 * 1024;

/// What is inside the seal.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(super) struct Carried {
    /// Answers that earlier rounds took, by key: a client repeats only those of the last question.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    answers: InputResponses,
    /// What the handler set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    state: Option<Value>,
}

/// The rounds of one call: what came with this one, and what the next one will know.
#[derive(Default)]
pub(super) struct Rounds {
    carried: Carried,
    incoming: InputResponses,
    taken: Mutex<InputResponses>,
    next_state: Mutex<Option<Value>>,
}

impl Rounds {
    pub(super) fn new(carried: Carried, incoming: Option<InputResponses>) -> Self {
        Self {
            carried,
            incoming: incoming.unwrap_or_default(),
            ..Self::default()
        }
    }

    /// The answer under a key that fits: one that was taken before, else the one of this round.
    pub(super) fn answer(&self, key: &str, fits: fn(&Value) -> bool) -> Option<&Value> {
        let known = [&self.carried.answers, &self.incoming];
        known
            .into_iter()
            .filter_map(|answers| answers.get(key))
            .find(|answer| fits(answer))
    }

    /// Notes that an answer was good, so that it need not be asked for again.
    pub(super) fn take(&self, key: &str, answer: &Value) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.insert(key.to_owned(), answer.clone());
    }

    pub(super) fn state<S: DeserializeOwned>(&self) -> Result<Option<S>, ToolError> {
        let Some(state) = &self.carried.state else {
            return Ok(None);
        };
        S::deserialize(state).map(Some).map_err(|error| {
            ToolError::failed(format!(
                "the state of the earlier round is of another type: {}",
                said(&error)
            ))
        })
    }

    pub(super) fn set_state<S: Serialize>(&self, state: &S) -> Result<(), ToolError> {
        let value = serde_json::to_value(state).map_err(|error| {
            ToolError::failed(format!(
                "the state cannot be written as JSON: {}",
                said(&error)
            ))
        })?;
        *self
            .next_state
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(value);
        Ok(())
    }

    /// What the next round must know, or `None` if nothing. `override_state` is the question's own.
    pub(super) fn next_state(
        &self,
        override_state: Option<&Value>,
    ) -> Result<Option<Vec<u8>>, ToolError> {
        let set = self
            .next_state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let mut answers = self.carried.answers.clone();
        answers.extend(
            self.taken
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
        );
        let state = override_state
            .cloned()
            .or(set)
            .or_else(|| self.carried.state.clone());
        if answers.is_empty() && state.is_none() {
            return Ok(None);
        }
        let bytes = serde_json::to_vec(&Carried { answers, state })
            .expect("JSON values with text keys can always be written");
        if bytes.len() > MAX_STATE {
            return Err(ToolError::failed(format!(
                "this call has gathered {} bytes of answers and state, more than the {MAX_STATE} that \
                 can be carried to another round",
                bytes.len()
            )));
        }
        Ok(Some(bytes))
    }
}

/// What a state belongs to, without the parts that every request has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject<'a> {
    pub(super) method: &'static str,
    pub(super) name: &'a str,
}

impl Subject<'_> {
    /// The bytes that the seal is bound to; each part is preceded by its length, so that no two
    /// subjects share them.
    pub(super) fn of(&self, caller: Option<&str>, arguments: &JsonObject) -> Vec<u8> {
        let arguments = serde_json::to_vec(arguments)
            .expect("JSON values with text keys can always be written");
        // The length of an absent caller cannot be that of any name.
        let caller_length = caller.map_or(u64::MAX, |name| name.len() as u64);
        let mut bytes = Vec::with_capacity(arguments.len() + 128);
        bytes.extend(caller_length.to_be_bytes());
        bytes.extend(caller.unwrap_or_default().as_bytes());
        for part in [self.method.as_bytes(), self.name.as_bytes(), &arguments] {
            bytes.extend((part.len() as u64).to_be_bytes());
            bytes.extend(part);
        }
        bytes
    }
}

/// Signs states and checks signatures: with the transport's key, else with one of this process.
pub(super) struct StateSeal {
    own: OnceLock<RequestStateCodec>,
}

impl StateSeal {
    pub(super) fn new() -> Self {
        Self {
            own: OnceLock::new(),
        }
    }

    pub(super) fn seal(
        &self,
        key: Option<&StateKey>,
        state: &[u8],
        subject: &[u8],
    ) -> Result<String, ToolError> {
        let options = SealOptions::new()
            .associated_data(subject)
            .ttl(TIME_TO_LIVE);
        let codec = self.codec(key).map_err(ToolError::protocol)?;
        Ok(codec.seal_with(state, &options))
    }

    /// Opens what a client sent back.
    ///
    /// # Errors
    ///
    /// -32602 if it was not sealed by us, for this caller and request, within the time to live.
    pub(super) fn open(
        &self,
        key: Option<&StateKey>,
        sealed: &str,
        subject: &[u8],
    ) -> Result<Carried, ErrorData> {
        let refuse = |text: &'static str| ErrorData::invalid_params(text, None);
        let state = self
            .codec(key)?
            .open_with(sealed, subject)
            .map_err(|error| match error {
                RequestStateError::Expired => {
                    refuse("requestState has expired: make the call again without it")
                }
                _ => refuse(
                    "requestState is not one that this server gave for this request: send it back \
                 unchanged, with the same arguments, or make the call again without it",
                ),
            })?;
        serde_json::from_slice(&state)
            .map_err(|_| refuse("requestState comes from another version of this server"))
    }

    fn codec(&self, key: Option<&StateKey>) -> Result<RequestStateCodec, ErrorData> {
        let Some(StateKey(key)) = key else {
            return Ok(self.own.get_or_init(random_codec).clone());
        };
        RequestStateCodec::try_new(key.to_vec()).map_err(|error| {
            tracing::error!(%error, "mcp.state_key cannot seal the state of calls");
            ErrorData::internal_error("the server's state key cannot be used", None)
        })
    }
}

/// A codec whose key dies with the process.
fn random_codec() -> RequestStateCodec {
    // Three UUIDs have 366 random bits of the operating system, more than HMAC-SHA256 can use.
    let key: Vec<u8> = (0..3)
        .flat_map(|_| uuid::Uuid::new_v4().into_bytes())
        .collect();
    RequestStateCodec::try_new(key).expect("48 bytes are more than the 32 that it asks for")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SUBJECT: Subject<'_> = Subject {
        method: "tools/call",
        name: "buy",
    };

    fn sealed(seal: &StateSeal, caller: Option<&str>, arguments: &JsonObject) -> String {
        let rounds = Rounds::default();
        rounds.set_state(&7).unwrap();
        let state = rounds.next_state(None).unwrap().unwrap();
        seal.seal(None, &state, &SUBJECT.of(caller, arguments))
            .unwrap()
    }

    #[test]
    fn a_state_opens_for_the_call_it_was_sealed_for() {
        let seal = StateSeal::new();
        let arguments = JsonObject::new();
        let state = sealed(&seal, Some("alice"), &arguments);
        let carried = seal
            .open(None, &state, &SUBJECT.of(Some("alice"), &arguments))
            .unwrap();
        assert_eq!(Rounds::new(carried, None).state::<i32>().unwrap(), Some(7));
    }

    #[test]
    fn a_state_is_worthless_to_another_caller_tool_or_arguments() {
        let seal = StateSeal::new();
        let arguments = JsonObject::new();
        let state = sealed(&seal, Some("alice"), &arguments);
        let other = json!({"a": 1}).as_object().unwrap().clone();
        let sell = Subject {
            name: "sell",
            ..SUBJECT
        };
        let wrong = [
            SUBJECT.of(Some("bob"), &arguments),
            SUBJECT.of(None, &arguments),
            SUBJECT.of(Some("alice"), &other),
            sell.of(Some("alice"), &arguments),
        ];
        for subject in wrong {
            let error = seal.open(None, &state, &subject).unwrap_err();
            assert_eq!(error.code, rmcp::model::ErrorCode::INVALID_PARAMS);
        }
    }

    #[test]
    fn every_changed_character_of_a_state_is_noticed() {
        let seal = StateSeal::new();
        let state = sealed(&seal, None, &JsonObject::new());
        let subject = SUBJECT.of(None, &JsonObject::new());
        for index in 0..state.len() {
            let mut bytes = state.clone().into_bytes();
            bytes[index] = if bytes[index] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            assert!(
                seal.open(None, &changed, &subject).is_err(),
                "index {index}"
            );
        }
    }

    #[test]
    fn replicas_with_the_same_key_open_each_others_states() {
        let key = StateKey([7; 32].into());
        let subject = SUBJECT.of(None, &JsonObject::new());
        let state = StateSeal::new().seal(Some(&key), b"{}", &subject).unwrap();
        assert!(StateSeal::new().open(Some(&key), &state, &subject).is_ok());
        assert!(StateSeal::new().open(None, &state, &subject).is_err());
    }

    #[test]
    fn a_state_that_outgrows_its_bound_is_refused() {
        let rounds = Rounds::default();
        rounds.set_state(&"x".repeat(MAX_STATE)).unwrap();
        assert!(rounds.next_state(None).is_err());
    }
}
