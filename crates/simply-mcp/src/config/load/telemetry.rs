//! The standard variables of OpenTelemetry, which its SDK reads for itself.
//!
//! The SDK takes what it does not understand for unset and says nothing of it; here it is said, before anything is
//! served. No value is repeated: some are secrets.

use std::{collections::BTreeMap, ops::RangeInclusive, time::Duration};

use http::{HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;
use url::Url;

use super::{Origin, Problem, environment};
use crate::config::ConfigErrors;

const PREFIX: &str = "OTEL_";
const TIMEOUT: Duration = Duration::from_secs(10);
const SAMPLERS: [&str; 6] = [
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
];
/// Spans that wait for their delivery: each takes about half a kibibyte.
const LONGEST_QUEUE: u64 = 65_536;

/// What is needed of the variables beside what the SDK reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Telemetry {
    /// `OTEL_SDK_DISABLED=true`, or `OTEL_TRACES_EXPORTER=none`.
    pub(crate) is_off: bool,
    /// How long the collector may take for one delivery.
    pub(crate) timeout: Duration,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self {
            is_off: false,
            timeout: TIMEOUT,
        }
    }
}

impl Telemetry {
    /// Reads the variables of this process.
    ///
    /// # Errors
    ///
    /// Each variable that the SDK would not understand, and what it may say.
    pub(crate) fn of_process() -> Result<Self, ConfigErrors> {
        let mut variables = BTreeMap::new();
        let mut problems = Vec::new();
        for (name, value) in environment::of_process() {
            let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else {
                continue;
            };
            match value.into_string() {
                Ok(value) if value.is_empty() => {}
                Ok(value) => drop(variables.insert(name.to_owned(), value)),
                Err(_) => problems.push(problem(name, "its value is not UTF-8")),
            }
        }
        let telemetry = Variables {
            values: variables,
            problems,
        };
        telemetry.read()
    }
}

struct Variables {
    values: BTreeMap<String, String>,
    problems: Vec<Problem>,
}

impl Variables {
    fn read(mut self) -> Result<Telemetry, ConfigErrors> {
        let disabled = self
            .values
            .get("OTEL_SDK_DISABLED")
            .is_some_and(|value| value.eq_ignore_ascii_case("true"));
        self.one_of(
            "OTEL_SDK_DISABLED",
            |value| value.eq_ignore_ascii_case("true") || value.eq_ignore_ascii_case("false"),
            "say true or false",
        );
        self.one_of(
            "OTEL_TRACES_EXPORTER",
            |value| matches!(value, "otlp" | "none"),
            "traces are told over OTLP only; say otlp, or none for no traces",
        );
        let is_off = disabled
            || self
                .values
                .get("OTEL_TRACES_EXPORTER")
                .is_some_and(|value| value == "none");
        if !is_off {
            self.exporter();
            self.sampler();
            self.limits();
        }
        let timeout = self
            .of_signal("TIMEOUT")
            .and_then(|value| value.parse().ok())
            .map_or(TIMEOUT, Duration::from_millis);
        ConfigErrors::from_problems(self.problems)?;
        Ok(Telemetry { is_off, timeout })
    }

    fn exporter(&mut self) {
        for name in both("PROTOCOL") {
            self.one_of(
                &name,
                |value| value == "http/protobuf",
                "only http/protobuf is spoken, to port 4318 of most collectors; say that, or unset it",
            );
        }
        for name in both("COMPRESSION") {
            self.one_of(
                &name,
                |value| value == "none",
                "deliveries are not compressed; say none, or unset it",
            );
        }
        for name in both("ENDPOINT") {
            self.one_of(
                &name,
                is_endpoint,
                "say the collector's address, as http://localhost:4318",
            );
        }
        for name in both("HEADERS") {
            self.one_of(
                &name,
                are_headers,
                "say name=value, several with commas between them, the values percent-encoded; its value is not shown, \
                 as it may be a secret",
            );
        }
        for what in ["CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY"] {
            for name in both(what) {
                self.one_of(
                    &name,
                    |_| false,
                    "it is not read: the certificates of the system are trusted, and none is shown; unset it, and add \
                     the collector's authority to those of the system",
                );
            }
        }
        for name in both("TIMEOUT") {
            self.number(&name, 1..=600_000, "milliseconds");
        }
    }

    fn sampler(&mut self) {
        self.one_of(
            "OTEL_TRACES_SAMPLER",
            |value| SAMPLERS.contains(&value),
            &format!("say one of {}", SAMPLERS.join(", ")),
        );
        let is_ratio = |value: &String| value.ends_with("traceidratio");
        if !self.values.get("OTEL_TRACES_SAMPLER").is_some_and(is_ratio) {
            return;
        }
        const ARGUMENT: &str = "OTEL_TRACES_SAMPLER_ARG";
        const HELP: &str =
            "say which share of the traces is kept, from 0.0 for none to 1.0 for all";
        let is_share = |value: &str| {
            let share = value.parse::<f64>();
            share.is_ok_and(|share| (0.0..=1.0).contains(&share))
        };
        self.one_of(ARGUMENT, is_share, HELP);
    }

    fn limits(&mut self) {
        self.number("OTEL_BSP_MAX_QUEUE_SIZE", 1..=LONGEST_QUEUE, "spans");
        self.number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 1..=LONGEST_QUEUE, "spans");
        self.number("OTEL_BSP_SCHEDULE_DELAY", 10..=600_000, "milliseconds");
        self.number("OTEL_BSP_EXPORT_TIMEOUT", 1..=600_000, "milliseconds");
        for what in ["ATTRIBUTE", "EVENT", "LINK"] {
            let name = format!("OTEL_SPAN_{what}_COUNT_LIMIT");
            self.number(&name, 0..=u64::from(u32::MAX), "of them");
        }
    }

    fn number(&mut self, name: &str, range: RangeInclusive<u64>, what: &str) {
        let help = format!(
            "say a whole number of {what} from {} to {}",
            range.start(),
            range.end()
        );
        let fits = |value: &str| (value.parse::<u64>()).is_ok_and(|number| range.contains(&number));
        self.one_of(name, fits, &help);
    }

    /// Notes a problem where the variable is set and does not fit.
    fn one_of(&mut self, name: &str, fits: impl Fn(&str) -> bool, help: &str) {
        if self.values.get(name).is_some_and(|value| !fits(value)) {
            self.problems.push(problem(name, help));
        }
    }

    /// The variable for traces, else that for everything.
    fn of_signal(&self, what: &str) -> Option<&String> {
        both(what).iter().find_map(|name| self.values.get(name))
    }
}

/// The variable for traces, and that for everything.
fn both(what: &str) -> [String; 2] {
    [
        format!("OTEL_EXPORTER_OTLP_TRACES_{what}"),
        format!("OTEL_EXPORTER_OTLP_{what}"),
    ]
}

fn problem(name: &str, help: &str) -> Problem {
    Problem::of_source(Origin::Variable(name.to_owned()), help)
}

fn is_endpoint(value: &str) -> bool {
    Url::parse(value).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.host_str().is_some_and(|host| !host.is_empty())
            && url.query().is_none()
            && url.fragment().is_none()
    }) && value.parse::<http::Uri>().is_ok()
}

fn are_headers(value: &str) -> bool {
    let mut pairs = value.split_terminator(',');
    pairs.all(|pair| {
        pair.split_once('=').is_some_and(|(name, value)| {
            // What is no header once it is decoded would be left out.
            let value = percent_decode_str(value.trim()).decode_utf8_lossy();
            HeaderName::try_from(name.trim()).is_ok()
                && !value.is_empty()
                && HeaderValue::from_str(&value).is_ok()
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Telemetry, String> {
        let values = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let variables = Variables {
            values,
            problems: Vec::new(),
        };
        variables.read().map_err(|errors| errors.to_string())
    }

    #[test]
    fn what_the_sdk_understands_is_taken() {
        assert_eq!(read(&[]), Ok(Telemetry::default()));
        let telemetry = read(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318"),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://c.example/x/"),
            (
                "OTEL_EXPORTER_OTLP_HEADERS",
                "authorization=Bearer%20a, x-b=c",
            ),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "1"),
            ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "2500"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
            ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
            ("OTEL_TRACES_SAMPLER_ARG", "0.25"),
            ("OTEL_BSP_SCHEDULE_DELAY", "100"),
            ("OTEL_SERVICE_NAME", "anything"),
        ]);
        let timeout = Duration::from_millis(2500);
        assert_eq!(telemetry.map(|it| it.timeout), Ok(timeout));
    }

    #[test]
    fn traces_can_be_turned_off_by_the_standard_variables() {
        for (name, value) in [
            ("OTEL_SDK_DISABLED", "true"),
            ("OTEL_SDK_DISABLED", "TRUE"),
            ("OTEL_TRACES_EXPORTER", "none"),
        ] {
            assert_eq!(read(&[(name, value)]).map(|it| it.is_off), Ok(true));
            let unused = ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
            assert!(read(&[(name, value), unused]).is_ok());
        }
        let on = [
            ("OTEL_SDK_DISABLED", "false"),
            ("OTEL_TRACES_EXPORTER", "otlp"),
        ];
        assert_eq!(read(&on).map(|it| it.is_off), Ok(false));
    }

    #[test]
    fn what_the_sdk_would_silently_ignore_is_said_without_its_value() {
        for (name, value) in [
            ("OTEL_SDK_DISABLED", "canary"),
            ("OTEL_TRACES_EXPORTER", "canary"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc-canary"),
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json-canary"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "canary"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "canary:4318"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "grpc://canary"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a/?canary"),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http:// canary"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "canary"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "a=b,c d=canary"),
            ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "a=canary\nb"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "a=canary%0a"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "a=b,canary="),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "canary"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "0"),
            ("OTEL_EXPORTER_OTLP_CERTIFICATE", "canary.pem"),
            ("OTEL_TRACES_SAMPLER", "canary"),
            ("OTEL_TRACES_SAMPLER", "or"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "0"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "99999999999"),
            ("OTEL_BSP_SCHEDULE_DELAY", "0"),
            ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "-1"),
        ] {
            let said = read(&[(name, value)]).unwrap_err();
            assert!(said.contains(name), "{said}");
            assert!(!said.contains("canary"), "{said}");
        }
        let ratio = ("OTEL_TRACES_SAMPLER", "traceidratio");
        for argument in ["2", "-0.1", "NaN", "x"] {
            let argument = ("OTEL_TRACES_SAMPLER_ARG", argument);
            let said = read(&[ratio, argument]).unwrap_err();
            assert!(said.contains("SAMPLER_ARG"), "{said}");
        }
        assert!(read(&[ratio]).is_ok(), "all are kept by default");
    }

    #[test]
    fn all_problems_are_said_at_once() {
        let said = read(&[
            ("OTEL_TRACES_SAMPLER", "x"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ]);
        assert_eq!(said.unwrap_err().lines().count(), 2);
    }
}
