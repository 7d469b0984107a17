//! Says when spans are not delivered: one line when it begins, one when it is over, whatever happens between.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{SpanData, SpanExporter},
};

use super::collector::Trouble;

/// An exporter whose failures are told.
#[derive(Debug)]
pub(super) struct Delivery<E> {
    exporter: E,
    trouble: Trouble,
    /// Spans lost in the outage that lasts; `None` while there is none.
    outage: Mutex<Option<u64>>,
}

impl<E> Delivery<E> {
    /// `trouble` says why, where the exporter knows no more than that it failed.
    pub(super) fn new(exporter: E, trouble: Trouble) -> Self {
        Self {
            exporter,
            trouble,
            outage: Mutex::new(None),
        }
    }

    fn tell(&self, spans: u64, outcome: &OTelSdkResult) {
        let mut outage = self.outage.lock().unwrap_or_else(PoisonError::into_inner);
        match (outcome, outage.take()) {
            (Ok(()), None) => {}
            (Ok(()), Some(lost)) => {
                tracing::info!(lost, "The collector takes traces again");
            }
            (Err(_), Some(lost)) => *outage = Some(lost + spans),
            (Err(error), None) => {
                *outage = Some(spans);
                let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
                let reason = trouble.clone().unwrap_or_else(|| error.to_string());
                tracing::warn!(
                    reason,
                    "The collector takes no traces, and they are lost until it does; requests are not held up. Look at \
                     OTEL_EXPORTER_OTLP_ENDPOINT, and at the collector"
                );
            }
        }
    }
}

impl<E: SpanExporter> SpanExporter for Delivery<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len() as u64;
        let outcome = self.exporter.export(batch).await;
        self.tell(spans, &outcome);
        outcome
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn shutdown(&self) -> OTelSdkResult {
        self.exporter.shutdown()
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
