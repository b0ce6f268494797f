//! An independent fold of the truth, and the check of a pipeline's results against it. Shares no code
//! with the services.

pub mod oracle;
pub mod verify;
