//! The operations of training on the CPU: matrix products by the crate `gemm`, everything else row by row on all cores.
#![allow(unsafe_code)]

use gemm::Parallelism;
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

use super::device::{Back, Device, Dropout, Heads, Operand, Product, Step};
use crate::{Error, Kind, Result};

/// Query places that attention handles at once: their scores stay in the cache, and what lies after them is never computed.
const BLOCK: usize = 128;

/// Numbers that one task of an element-wise operation handles, enough to outweigh its start.
const TASK: usize = 16 << 10;

/// The processor of this machine.
pub(super) struct Cpu {
    pool: ThreadPool,
}

impl Cpu {
    /// With this many threads; `None` for one per core.
    pub(super) fn new(threads: Option<usize>) -> Result<Self> {
        let pool = ThreadPoolBuilder::new()
            .num_threads(threads.unwrap_or(0))
            .thread_name(|index| format!("train-{index}"))
            .build()
            .map_err(|e| {
                Error::new(Kind::Engine, format!("cannot start threads: {e}")).source(e)
            })?;
        Ok(Self { pool })
    }
}

/// A matrix that lies in a slice: element (i, j) at `at + i * row + j * column`.
#[derive(Clone, Copy)]
struct View<'a> {
    numbers: &'a [f32],
    at: usize,
    row: usize,
    column: usize,
}

impl View<'_> {
    fn holds(&self, rows: usize, columns: usize) -> bool {
        let last = self.at + (rows - 1) * self.row + (columns - 1) * self.column;
        last < self.numbers.len()
    }
}

/// `c = alpha a b + beta c`; the rows of `c` are `row` apart.
fn multiply(
    Product { m, n, k }: Product,
    a: View<'_>,
    b: View<'_>,
    (c, row): (&mut [f32], usize),
    (alpha, beta): (f32, f32),
    parallelism: Parallelism,
) {
    if m == 0 || n == 0 {
        return;
    }
    assert!(k > 0 && a.holds(m, k) && b.holds(k, n) && row >= n && (m - 1) * row + n <= c.len());
    // SAFETY: the assertion above holds every element of the three matrices inside its slice, `c` is borrowed mutably
    // and so overlaps neither of the others, and its rows do not overlap.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            c.as_mut_ptr(),
            1,
            row as isize,
            beta != 0.0,
            a.numbers.as_ptr().add(a.at),
            a.column as isize,
            a.row as isize,
            b.numbers.as_ptr().add(b.at),
            b.column as isize,
            b.row as isize,
            beta,
            alpha,
            false,
            false,
            false,
            parallelism,
        );
    }
}

/// One head's part of queries, keys or values.
fn head(numbers: &[f32], index: usize, count: usize, width: usize) -> View<'_> {
    View {
        numbers,
        at: index * width,
        row: count * width,
        column: 1,
    }
}

impl<'a> View<'a> {
    fn transposed(self) -> Self {
        Self {
            row: self.column,
            column: self.row,
            ..self
        }
    }

    fn below(self, row: usize) -> Self {
        Self {
            at: self.at + row * self.row,
            ..self
        }
    }

    /// A dense matrix.
    fn dense(numbers: &'a [f32], row: usize) -> Self {
        Self {
            numbers,
            at: 0,
            row,
            column: 1,
        }
    }
}

/// The attention that places `start..end` of one head pay to all places before `end`, row by row.
fn weights(size: Heads, start: usize, end: usize, queries: View<'_>, keys: View<'_>) -> Vec<f32> {
    let rows = end - start;
    let mut scores = vec![0.0; rows * end];
    let product = Product::new(rows, end, size.width);
    multiply(
        product,
        queries.below(start),
        keys.transposed(),
        (&mut scores, end),
        (size.scale(), 0.0),
        Parallelism::None,
    );
    for (row, scores) in scores.chunks_exact_mut(end).enumerate() {
        let (seen, unseen) = scores.split_at_mut(start + row + 1);
        softmax(seen);
        unseen.fill(0.0);
    }
    scores
}

fn softmax(row: &mut [f32]) {
    let most = row.iter().fold(f32::NEG_INFINITY, |a, b| a.max(*b));
    let mut sum = 0.0;
    for x in &mut *row {
        *x = (*x - most).exp();
        sum += *x;
    }
    let share = 1.0 / sum;
    for x in row {
        *x *= share;
    }
}

/// Writes each head's `parts` into its columns of a matrix of all heads, adding where several share a column.
fn join(parts: &[Vec<f32>], columns: usize, share: usize, width: usize) -> Vec<f32> {
    let length = parts[0].len() / width;
    let mut all = vec![0.0; length * columns * width];
    all.par_chunks_mut(columns * width)
        .enumerate()
        .for_each(|(place, row)| {
            for (index, part) in parts.iter().enumerate() {
                let column = index / share;
                let into = &mut row[column * width..(column + 1) * width];
                for (to, from) in into.iter_mut().zip(&part[place * width..]) {
                    *to += from;
                }
            }
        });
    all
}

impl Device for Cpu {
    type Buffer = Vec<f32>;

    fn name(&self) -> String {
        match self.pool.current_num_threads() {
            1 => "one processor core".into(),
            cores => format!("{cores} processor cores"),
        }
    }

    fn upload(&self, numbers: &[f32]) -> Result<Vec<f32>> {
        Ok(numbers.to_vec())
    }

    fn download(&self, buffer: &Vec<f32>) -> Result<Vec<f32>> {
        Ok(buffer.clone())
    }

    fn zeros(&self, length: usize) -> Result<Vec<f32>> {
        Ok(vec![0.0; length])
    }

    fn clear(&self, buffer: &mut Vec<f32>) -> Result<()> {
        buffer.fill(0.0);
        Ok(())
    }

    fn multiply(
        &self,
        size: Product,
        a: Operand<'_, Vec<f32>>,
        b: Operand<'_, Vec<f32>>,
        c: (&mut Vec<f32>, usize),
        alpha: f32,
        beta: f32,
    ) -> Result<()> {
        fn view<'a>(operand: &Operand<'a, Vec<f32>>, rows: usize, columns: usize) -> View<'a> {
            let (row, column) = if operand.transposed {
                (1, rows)
            } else {
                (columns, 1)
            };
            View {
                numbers: operand.buffer,
                at: operand.at,
                row,
                column,
            }
        }
        let (a, b) = (view(&a, size.m, size.k), view(&b, size.k, size.n));
        let into = &mut c.0[c.1..c.1 + size.m * size.n];
        self.pool.install(|| {
            multiply(
                size,
                a,
                b,
                (into, size.n),
                (alpha, beta),
                Parallelism::Rayon(0),
            );
        });
        Ok(())
    }

    fn add(&self, x: &mut Vec<f32>, y: &Vec<f32>) -> Result<()> {
        assert_eq!(x.len(), y.len());
        self.pool.install(|| {
            x.par_chunks_mut(TASK)
                .zip(y.par_chunks(TASK))
                .for_each(|(x, y)| {
                    for (x, y) in x.iter_mut().zip(y) {
                        *x += y;
                    }
                });
        });
        Ok(())
    }

    fn gather(&self, table: &Vec<f32>, width: usize, rows: &[u32]) -> Result<Vec<f32>> {
        let row = |&row: &u32| &table[row as usize * width..][..width];
        Ok(rows.iter().flat_map(row).copied().collect())
    }

    fn scatter(
        &self,
        from: &Vec<f32>,
        width: usize,
        rows: &[u32],
        length: usize,
    ) -> Result<Vec<f32>> {
        let mut all = vec![0.0; length * width];
        for (from, &row) in from.chunks_exact(width).zip(rows) {
            all[row as usize * width..][..width].copy_from_slice(from);
        }
        Ok(all)
    }

    fn normalise(&self, x: &Vec<f32>, weight: &Vec<f32>, epsilon: f32) -> Result<Vec<f32>> {
        let width = weight.len();
        let mut out = vec![0.0; x.len()];
        self.pool.install(|| {
            out.par_chunks_exact_mut(width)
                .zip(x.par_chunks_exact(width))
                .for_each(|(out, x)| {
                    let inverse = inverse_mean(x, epsilon);
                    for ((out, x), weight) in out.iter_mut().zip(x).zip(weight) {
                        *out = x * inverse * weight;
                    }
                });
        });
        Ok(out)
    }

    fn normalise_back(
        &self,
        gradient: &Vec<f32>,
        x: &Vec<f32>,
        weight: &Vec<f32>,
        epsilon: f32,
        into: &mut Vec<f32>,
    ) -> Result<()> {
        let width = weight.len();
        self.pool.install(|| {
            into.par_chunks_exact_mut(width)
                .zip(gradient.par_chunks_exact(width))
                .zip(x.par_chunks_exact(width))
                .for_each(|((into, gradient), x)| {
                    let inverse = inverse_mean(x, epsilon);
                    let along: f32 = (gradient.iter().zip(x).zip(weight))
                        .map(|((g, x), w)| g * x * w)
                        .sum();
                    let pull = along * inverse.powi(3) / width as f32;
                    for (((into, g), x), w) in into.iter_mut().zip(gradient).zip(x).zip(weight) {
                        *into += g * w * inverse - x * pull;
                    }
                });
        });
        Ok(())
    }

    fn rotate(
        &self,
        x: &mut Vec<f32>,
        heads: usize,
        width: usize,
        turns: &Vec<f32>,
        back: bool,
    ) -> Result<()> {
        let sign = if back { -1.0 } else { 1.0 };
        self.pool.install(|| {
            x.par_chunks_exact_mut(heads * width)
                .zip(turns.par_chunks_exact(width))
                .for_each(|(row, turns)| {
                    for head in row.chunks_exact_mut(width) {
                        for (pair, turn) in head.chunks_exact_mut(2).zip(turns.chunks_exact(2)) {
                            let (cosine, sine) = (turn[0], turn[1] * sign);
                            let (a, b) = (pair[0], pair[1]);
                            pair[0] = a * cosine - b * sine;
                            pair[1] = a * sine + b * cosine;
                        }
                    }
                });
        });
        Ok(())
    }

    fn attend(
        &self,
        size: Heads,
        queries: &Vec<f32>,
        keys: &Vec<f32>,
        values: &Vec<f32>,
    ) -> Result<Vec<f32>> {
        let Heads {
            length,
            heads,
            key_heads,
            width,
        } = size;
        Ok(self.pool.install(|| {
            let parts: Vec<_> = (0..heads)
                .into_par_iter()
                .map(|index| {
                    let shared = index / (heads / key_heads);
                    let q = head(queries, index, heads, width);
                    let k = head(keys, shared, key_heads, width);
                    let v = head(values, shared, key_heads, width);
                    let mut out = vec![0.0; length * width];
                    for start in (0..length).step_by(BLOCK) {
                        let end = (start + BLOCK).min(length);
                        let weights = weights(size, start, end, q, k);
                        let product = Product::new(end - start, width, end);
                        multiply(
                            product,
                            View::dense(&weights, end),
                            v,
                            (&mut out[start * width..end * width], width),
                            (1.0, 0.0),
                            Parallelism::None,
                        );
                    }
                    out
                })
                .collect();
            join(&parts, heads, 1, width)
        }))
    }

    fn attend_back(
        &self,
        size: Heads,
        gradient: &Vec<f32>,
        queries: &Vec<f32>,
        keys: &Vec<f32>,
        values: &Vec<f32>,
    ) -> Result<Back<Vec<f32>>> {
        let Heads {
            length,
            heads,
            key_heads,
            width,
        } = size;
        let share = heads / key_heads;
        Ok(self.pool.install(|| {
            let parts: Vec<_> = (0..heads)
                .into_par_iter()
                .map(|index| {
                    let q = head(queries, index, heads, width);
                    let k = head(keys, index / share, key_heads, width);
                    let v = head(values, index / share, key_heads, width);
                    let g = head(gradient, index, heads, width);
                    head_back(size, g, q, k, v)
                })
                .collect();
            let mut of = [Vec::new(), Vec::new(), Vec::new()];
            for part in parts {
                for (all, one) in of.iter_mut().zip(part) {
                    all.push(one);
                }
            }
            debug_assert_eq!(of[0][0].len(), length * width);
            Back {
                queries: join(&of[0], heads, 1, width),
                keys: join(&of[1], key_heads, share, width),
                values: join(&of[2], key_heads, share, width),
            }
        }))
    }

    fn gate(&self, gate: &Vec<f32>, up: &Vec<f32>) -> Result<Vec<f32>> {
        let mut out = vec![0.0; gate.len()];
        self.pool.install(|| {
            out.par_chunks_mut(TASK)
                .zip(gate.par_chunks(TASK))
                .zip(up.par_chunks(TASK))
                .for_each(|((out, gate), up)| {
                    for ((out, gate), up) in out.iter_mut().zip(gate).zip(up) {
                        *out = gate / (1.0 + (-gate).exp()) * up;
                    }
                });
        });
        Ok(out)
    }

    fn gate_back(&self, gradient: &Vec<f32>, gate: &mut Vec<f32>, up: &mut Vec<f32>) -> Result<()> {
        self.pool.install(|| {
            gate.par_chunks_mut(TASK)
                .zip(up.par_chunks_mut(TASK))
                .zip(gradient.par_chunks(TASK))
                .for_each(|((gate, up), gradient)| {
                    for ((gate, up), gradient) in gate.iter_mut().zip(up).zip(gradient) {
                        let (x, y) = (*gate, *up);
                        let sigmoid = 1.0 / (1.0 + (-x).exp());
                        *gate = gradient * y * sigmoid * (1.0 + x * (1.0 - sigmoid));
                        *up = gradient * x * sigmoid;
                    }
                });
        });
        Ok(())
    }

    fn drop_out(&self, x: &Vec<f32>, dropout: Dropout) -> Result<Vec<f32>> {
        let mut out = x.clone();
        self.pool.install(|| {
            out.par_chunks_mut(TASK)
                .enumerate()
                .for_each(|(task, numbers)| {
                    for (index, x) in numbers.iter_mut().enumerate() {
                        *x *= dropout.factor((task * TASK + index) as u32);
                    }
                });
        });
        Ok(out)
    }

    fn cross_entropy(
        &self,
        logits: &mut Vec<f32>,
        targets: &[u32],
        weight: f32,
    ) -> Result<Vec<f32>> {
        let width = logits.len() / targets.len();
        Ok(self.pool.install(|| {
            logits
                .par_chunks_exact_mut(width)
                .zip(targets)
                .map(|(row, &target)| {
                    softmax(row);
                    let loss = -row[target as usize].max(f32::MIN_POSITIVE).ln();
                    row[target as usize] -= 1.0;
                    for x in row {
                        *x *= weight;
                    }
                    loss
                })
                .collect()
        }))
    }

    fn sum_of_squares(&self, x: &Vec<f32>) -> Result<f64> {
        Ok(x.iter().map(|&x| f64::from(x).powi(2)).sum())
    }

    fn adam(
        &self,
        step: Step,
        values: &mut Vec<f32>,
        gradients: &Vec<f32>,
        first: &mut Vec<f32>,
        second: &mut Vec<f32>,
    ) -> Result<()> {
        let (correct1, correct2) = step.corrections();
        self.pool.install(|| {
            values
                .par_chunks_mut(TASK)
                .zip(gradients.par_chunks(TASK))
                .zip(first.par_chunks_mut(TASK).zip(second.par_chunks_mut(TASK)))
                .for_each(|((values, gradients), (first, second))| {
                    let means = first.iter_mut().zip(second);
                    for ((value, gradient), (m, v)) in values.iter_mut().zip(gradients).zip(means) {
                        let gradient = gradient * step.scale;
                        *m += (gradient - *m) * (1.0 - Step::BETA1);
                        *v += (gradient * gradient - *v) * (1.0 - Step::BETA2);
                        let change = *m * correct1 / ((*v * correct2).sqrt() + Step::EPSILON);
                        *value -= step.rate * (change + step.decay * *value);
                    }
                });
        });
        Ok(())
    }
}

/// One over the root of the mean square of `x`.
fn inverse_mean(x: &[f32], epsilon: f32) -> f32 {
    let mean = x.iter().map(|x| x * x).sum::<f32>() / x.len() as f32;
    1.0 / (mean + epsilon).sqrt()
}

/// The gradients of one head's queries, keys and values.
fn head_back(
    size: Heads,
    gradient: View<'_>,
    queries: View<'_>,
    keys: View<'_>,
    values: View<'_>,
) -> [Vec<f32>; 3] {
    let Heads { length, width, .. } = size;
    let mut back = [(); 3].map(|()| vec![0.0; length * width]);
    let [for_queries, for_keys, for_values] = &mut back;
    let serial = Parallelism::None;
    for start in (0..length).step_by(BLOCK) {
        let end = (start + BLOCK).min(length);
        let rows = end - start;
        let weights = weights(size, start, end, queries, keys);
        let gradient = gradient.below(start);
        multiply(
            Product::new(end, width, rows),
            View::dense(&weights, end).transposed(),
            gradient,
            (&mut for_values[..end * width], width),
            (1.0, 1.0),
            serial,
        );
        let mut slopes = vec![0.0; rows * end];
        multiply(
            Product::new(rows, end, width),
            gradient,
            values.transposed(),
            (&mut slopes, end),
            (1.0, 0.0),
            serial,
        );
        for (slopes, weights) in slopes.chunks_exact_mut(end).zip(weights.chunks_exact(end)) {
            let mean: f32 = slopes.iter().zip(weights).map(|(s, w)| s * w).sum();
            for (slope, weight) in slopes.iter_mut().zip(weights) {
                *slope = (*slope - mean) * weight;
            }
        }
        multiply(
            Product::new(rows, width, end),
            View::dense(&slopes, end),
            keys,
            (&mut for_queries[start * width..end * width], width),
            (size.scale(), 0.0),
            serial,
        );
        multiply(
            Product::new(end, width, rows),
            View::dense(&slopes, end).transposed(),
            queries.below(start),
            (&mut for_keys[..end * width], width),
            (size.scale(), 1.0),
            serial,
        );
    }
    back
}
