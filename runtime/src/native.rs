//! Bytes that others wrote and that the safe interface of rdkafka would panic on when they are
//! not UTF-8: names of headers, and metadata of commits.
#![allow(unsafe_code)]

use std::ffi::{CString, c_void};
use std::{ptr, slice};

use rdkafka::TopicPartitionList;
use rdkafka::bindings::{
    rd_kafka_header_get_last, rd_kafka_message_headers, rd_kafka_topic_partition_list_find,
};
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
