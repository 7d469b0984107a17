//! What a scrape reads, taken apart: as strict as the format is, as far as we write it.

use std::collections::{BTreeMap, BTreeSet};

use axum::{Router, body::Body};
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use tower::ServiceExt;

/// One scrape.
#[derive(Debug)]
pub(crate) struct Exposition {
    /// By name with labels, as it stands there.
    pub(crate) samples: BTreeMap<String, f64>,
    /// By family.
    pub(crate) kinds: BTreeMap<String, String>,
}

impl Exposition {
    /// # Panics
    ///
    /// Where the text is not one that Prometheus takes.
    pub(crate) fn of(text: &str) -> Self {
        assert!(text.ends_with('\n'), "the last line is not ended");
        let (mut samples, mut kinds) = (BTreeMap::new(), BTreeMap::new());
        for line in text.lines() {
            if let Some(comment) = line.strip_prefix("# ") {
                if let Some(family) = comment.strip_prefix("TYPE ") {
                    let (name, kind) = family.split_once(' ').unwrap();
                    let before = kinds.insert(name.to_owned(), kind.to_owned());
                    assert_eq!(before, None, "{name} comes twice");
                } else {
                    assert!(comment.starts_with("HELP "), "{line}");
                }
                continue;
            }
            let (series, value) = line.rsplit_once(' ').unwrap();
            let family = family(series, &kinds);
            assert!(family.is_some(), "{series} has no type before it");
            let before = samples.insert(series.to_owned(), value.parse().unwrap());
            assert_eq!(before, None, "{series} comes twice");
        }
        Self { samples, kinds }
    }

    /// The value of a series; none is 0.
    pub(crate) fn value(&self, series: &str) -> f64 {
        self.samples.get(series).copied().unwrap_or_default()
    }

    /// The values of `label` in the series of `name`.
    pub(crate) fn labels(&self, name: &str, label: &str) -> BTreeSet<String> {
        let start = format!("{name}{{");
        let found = self.samples.keys().filter_map(|series| {
            let labels = series.strip_prefix(&start)?;
            let (_, rest) = labels.split_once(&format!("{label}=\""))?;
            Some(rest.split_once('"')?.0.to_owned())
        });
        found.collect()
    }

    /// Those that may only grow, counts of histograms among them.
    pub(crate) fn growing(&self) -> impl Iterator<Item = (&String, f64)> {
        let grows = |series: &str| {
            let family = family(series, &self.kinds).unwrap_or_default();
            self.kinds[family] != "gauge"
        };
        let all = self.samples.iter();
        all.filter(move |(series, _)| grows(series))
            .map(|(series, value)| (series, *value))
    }
}

/// The family that a series belongs to.
fn family<'a>(series: &'a str, kinds: &BTreeMap<String, String>) -> Option<&'a str> {
    let name = series.split('{').next().unwrap();
    if kinds.contains_key(name) {
        return Some(name);
    }
    let of_histogram = ["_bucket", "_sum", "_count"].into_iter();
    of_histogram
        .filter_map(|suffix| name.strip_suffix(suffix))
        .find(|base| kinds.get(*base).is_some_and(|kind| kind == "histogram"))
}

/// Asks a router.
pub(crate) async fn scrape(router: &Router) -> String {
    let request = Request::get("/metrics").header("host", "localhost");
    let request = request.body(Body::empty()).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let body = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(body.into()).unwrap()
}
