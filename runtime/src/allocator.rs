//! What all programs allocate memory with. Records are many small values that live shortly and
//! are freed in another order; glibc's allocator takes a fifth of the services' time for them.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
