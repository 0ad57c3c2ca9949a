//! The operations that training is made of, for whatever computes them.
//!
//! There are about twenty, all on plain arrays of `f32` in row-major order, so that a device is one file: the CPU in
//! `cpu.rs`, an NVIDIA GPU in `cuda.rs`. Gradients are derived by hand rather than by a library that records operations:
//! the weights are frozen, and a recorder would compute their gradients, the greater half of the work, for nothing.

use crate::Result;

/// A matrix in a buffer: `rows` x `columns` of the operation, stored as such or transposed.
pub(super) struct Operand<'a, B> {
    pub(super) buffer: &'a B,
    /// The element of the buffer at which the matrix starts.
    pub(super) at: usize,
    /// Whether it is stored with rows and columns exchanged.
    pub(super) transposed: bool,
}

impl<'a, B> Operand<'a, B> {
    /// The matrix that fills `buffer`.
    pub(super) fn of(buffer: &'a B) -> Self {
        Self {
            buffer,
            at: 0,
            transposed: false,
        }
    }

    /// The matrix that starts at element `at` of `buffer`.
    pub(super) fn at(buffer: &'a B, at: usize) -> Self {
        Self {
            buffer,
            at,
            transposed: false,
        }
    }

    /// The same matrix, stored transposed.
    pub(super) fn transposed(self) -> Self {
        Self {
            transposed: true,
            ..self
        }
    }
}

/// The sizes of `c = a b`: `a` is `m` x `k`, `b` is `k` x `n`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Product {
    pub(super) m: usize,
    pub(super) n: usize,
    pub(super) k: usize,
}

impl Product {
    pub(super) fn new(m: usize, n: usize, k: usize) -> Self {
        Self { m, n, k }
    }
}

/// The sizes of causal attention with grouped heads over one text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Heads {
    /// Tokens.
    pub(super) length: usize,
    /// Query heads.
    pub(super) heads: usize,
    /// Key and value heads, a divisor of `heads`.
    pub(super) key_heads: usize,
    /// The width of a head.
    pub(super) width: usize,
}

impl Heads {
    /// What attention scores are multiplied by.
    pub(super) fn scale(self) -> f32 {
        1.0 / (self.width as f32).sqrt()
    }
}

/// Gradients of attention: of queries, keys and values.
pub(super) struct Back<B> {
    pub(super) queries: B,
    pub(super) keys: B,
    pub(super) values: B,
}

/// Which numbers dropout takes away: a function of these and the number's place, so that it can be asked again on the way
/// back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Dropout {
    /// The share that is taken away, below 1.
    pub(super) rate: f32,
    /// Differs for each use.
    pub(super) key: u32,
}

impl Dropout {
    /// What the number at `index` is multiplied by: 0, or so much that the mean stays. The GPU computes the same.
    pub(super) fn factor(self, index: u32) -> f32 {
        let mut hash = index.wrapping_mul(0x9E37_79B9) ^ self.key;
        hash = (hash ^ (hash >> 16)).wrapping_mul(0x7FEB_352D);
        hash = (hash ^ (hash >> 15)).wrapping_mul(0x846C_A68B);
        hash ^= hash >> 16;
        let chance = (hash >> 8) as f32 * (1.0 / 16_777_216.0);
        if chance < self.rate {
            0.0
        } else {
            1.0 / (1.0 - self.rate)
        }
    }
}

/// The constants of a step of AdamW (<https://arxiv.org/abs/1711.05101>).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Step {
    pub(super) rate: f32,
    pub(super) decay: f32,
    /// The number of the step, from 1.
    pub(super) number: i32,
    /// What the gradients are multiplied by first.
    pub(super) scale: f32,
}

impl Step {
    pub(super) const BETA1: f32 = 0.9;
    pub(super) const BETA2: f32 = 0.999;
    pub(super) const EPSILON: f32 = 1e-8;

    /// What the two running means are multiplied by, since they began at zero.
    pub(super) fn corrections(self) -> (f32, f32) {
        let of = |beta: f32| 1.0 / (1.0 - beta.powi(self.number));
        (of(Self::BETA1), of(Self::BETA2))
    }
}

/// Something that computes. Buffers are arrays of `f32`; sizes that do not fit are a mistake of the caller and panic on
/// the CPU.
pub(super) trait Device {
    /// An array on the device.
    type Buffer;

    /// What it is, for people.
    fn name(&self) -> String;

    fn upload(&self, numbers: &[f32]) -> Result<Self::Buffer>;

    fn download(&self, buffer: &Self::Buffer) -> Result<Vec<f32>>;

    fn zeros(&self, length: usize) -> Result<Self::Buffer>;

    fn clear(&self, buffer: &mut Self::Buffer) -> Result<()>;

    /// `c = alpha a b + beta c`, where `c` starts at element `c.1` of `c.0`.
    fn multiply(
        &self,
        size: Product,
        a: Operand<'_, Self::Buffer>,
        b: Operand<'_, Self::Buffer>,
        c: (&mut Self::Buffer, usize),
        alpha: f32,
        beta: f32,
    ) -> Result<()>;

    /// `x += y`.
    fn add(&self, x: &mut Self::Buffer, y: &Self::Buffer) -> Result<()>;

    /// The rows of `table` (each `width` long) with the numbers `rows`.
    fn gather(&self, table: &Self::Buffer, width: usize, rows: &[u32]) -> Result<Self::Buffer>;

    /// `length` rows of zeros, but for the rows numbered `rows`, which are those of `from`. No number is there twice.
    fn scatter(
        &self,
        from: &Self::Buffer,
        width: usize,
        rows: &[u32],
        length: usize,
    ) -> Result<Self::Buffer>;

    /// Root-mean-square normalisation of each row, times `weight`.
    fn normalise(
        &self,
        x: &Self::Buffer,
        weight: &Self::Buffer,
        epsilon: f32,
    ) -> Result<Self::Buffer>;

    /// Adds to `into` the gradient of `x`, given that of [`normalise`](Device::normalise)'s result.
    fn normalise_back(
        &self,
        gradient: &Self::Buffer,
        x: &Self::Buffer,
        weight: &Self::Buffer,
        epsilon: f32,
        into: &mut Self::Buffer,
    ) -> Result<()>;

    /// Turns neighbouring pairs of each head by the angles of their place. `turns` holds cosine and sine for each place and
    /// pair; `back` turns the other way.
    fn rotate(
        &self,
        x: &mut Self::Buffer,
        heads: usize,
        width: usize,
        turns: &Self::Buffer,
        back: bool,
    ) -> Result<()>;

    /// What each place takes from the values of the places up to it.
    fn attend(
        &self,
        size: Heads,
        queries: &Self::Buffer,
        keys: &Self::Buffer,
        values: &Self::Buffer,
    ) -> Result<Self::Buffer>;

    /// The gradients of [`attend`](Device::attend)'s inputs, given that of its result.
    fn attend_back(
        &self,
        size: Heads,
        gradient: &Self::Buffer,
        queries: &Self::Buffer,
        keys: &Self::Buffer,
        values: &Self::Buffer,
    ) -> Result<Back<Self::Buffer>>;

    /// `silu(gate) * up`.
    fn gate(&self, gate: &Self::Buffer, up: &Self::Buffer) -> Result<Self::Buffer>;

    /// Turns `gate` and `up` into their gradients, given that of [`gate`](Device::gate)'s result.
    fn gate_back(
        &self,
        gradient: &Self::Buffer,
        gate: &mut Self::Buffer,
        up: &mut Self::Buffer,
    ) -> Result<()>;

    /// `x` with some numbers taken away.
    fn drop_out(&self, x: &Self::Buffer, dropout: Dropout) -> Result<Self::Buffer>;

    /// Cross-entropy: turns each row of `logits` (one for each of `targets`) into `weight` times its gradient, and returns
    /// the loss of each row.
    fn cross_entropy(
        &self,
        logits: &mut Self::Buffer,
        targets: &[u32],
        weight: f32,
    ) -> Result<Vec<f32>>;

    /// The sum of all squares.
    fn sum_of_squares(&self, x: &Self::Buffer) -> Result<f64>;

    /// A step of AdamW.
    fn adam(
        &self,
        step: Step,
        values: &mut Self::Buffer,
        gradients: &Self::Buffer,
        first: &mut Self::Buffer,
        second: &mut Self::Buffer,
    ) -> Result<()>;
}
