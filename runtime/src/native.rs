//! What the safe interface of rdkafka cannot do: read what others wrote without a panic when it is
//! not UTF-8 (names of headers, metadata of commits), and hear how an asynchronous commit ended.
#![allow(unsafe_code)]

use std::ffi::{CString, c_void};
use std::{ptr, slice};

use rdkafka::TopicPartitionList;
use rdkafka::bindings::{
    rd_kafka_commit_queue, rd_kafka_header_get_last, rd_kafka_message_headers,
    rd_kafka_queue_destroy, rd_kafka_queue_get_consumer, rd_kafka_topic_partition_list_find,
};
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::BorrowedMessage;
use rdkafka::types::RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR;

/// The value of a message's last header `content-type`, if it is UTF-8.
pub(crate) fn content_type<'a>(message: &'a BorrowedMessage<'_>) -> Option<&'a str> {
    let mut headers = ptr::null_mut();
    let mut value: *const c_void = ptr::null();
    let mut size = 0;
    // SAFETY: the message is alive for 'a, and it owns its headers and their values.
    unsafe {
        let found = rd_kafka_message_headers(message.ptr(), &raw mut headers);
        if found != RD_KAFKA_RESP_ERR_NO_ERROR {
            return None;
        }
        let name = c"content-type".as_ptr();
        let found = rd_kafka_header_get_last(headers, name, &raw mut value, &raw mut size);
        if found != RD_KAFKA_RESP_ERR_NO_ERROR || value.is_null() {
            return None;
        }
        str::from_utf8(slice::from_raw_parts(value.cast(), size)).ok()
    }
}

/// The metadata beside a partition's offset in `list`; empty if there is none or it is not UTF-8.
pub(crate) fn metadata(list: &TopicPartitionList, topic: &str, partition: i32) -> String {
    let Ok(topic) = CString::new(topic) else {
        return String::new();
    };
    // SAFETY: the list is alive and owns its elements and their metadata.
    unsafe {
        let found = rd_kafka_topic_partition_list_find(list.ptr(), topic.as_ptr(), partition);
        match found.as_ref() {
            Some(element) if !element.metadata.is_null() => {
                let bytes = slice::from_raw_parts(element.metadata.cast(), element.metadata_size);
                str::from_utf8(bytes).unwrap_or_default().to_owned()
            }
            _ => String::new(),
        }
    }
}

/// Starts a commit whose outcome comes to the consumer's own queue, and so to its context's
/// `commit_callback` in a later poll.
pub(crate) fn commit<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    list: &TopicPartitionList,
) -> KafkaResult<()> {
    let client = consumer.client().native_ptr();
    // SAFETY: the client outlives the call, which copies the list; the queue is ours to release.
    let outcome = unsafe {
        let queue = rd_kafka_queue_get_consumer(client);
        let outcome = rd_kafka_commit_queue(client, list.ptr(), queue, None, ptr::null_mut());
        rd_kafka_queue_destroy(queue);
        outcome
    };
    match outcome {
        RD_KAFKA_RESP_ERR_NO_ERROR => Ok(()),
        error => Err(KafkaError::ConsumerCommit(error.into())),
    }
}
