//! Faults between the functions and the database, on the wire: every path of every endpoint,
//! every fault, at every call. An answer is right or says "try again"; nothing is ever half
//! done; and who tries again ends where a database without faults would have brought them.
//! Card payments also meet the faults of Stripe.

mod card_matrix;
mod card_stories;
mod late;
mod matrix;
mod paths;
mod proxy;
mod seeded;
mod strike;
