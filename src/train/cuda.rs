//! The operations of training on an NVIDIA GPU: matrix products by cuBLAS, the rest by the kernels of `kernels.cu`.
//!
//! The driver and the libraries of the CUDA toolkit (cuBLAS and NVRTC) are looked for when a training starts; building
//! needs none of them.
#![allow(unsafe_code)]

use std::collections::HashMap;
use std::sync::Arc;

use cudarc::cublas::sys::cublasOperation_t::{CUBLAS_OP_N, CUBLAS_OP_T};
use cudarc::cublas::{CudaBlas, Gemm as _, GemmConfig, StridedBatchedConfig};
use cudarc::driver::{
    CudaContext, CudaFunction, CudaSlice, CudaStream, LaunchConfig, PushKernelArg as _,
};

use super::device::{Back, Device, Dropout, Heads, Operand, Product, Step};
use crate::{Error, Kind, Result};

/// Threads of a block, as the kernels expect.
const THREADS: u32 = 256;

const KERNELS: [&str; 13] = [
    "add",
    "adam",
    "cross_entropy",
    "drop_out",
    "gate",
    "gate_back",
    "gather",
    "normalise",
    "normalise_back",
    "rotate",
    "scatter",
    "softmax_back",
    "softmax_causal",
];

/// The first NVIDIA GPU.
pub(super) struct Cuda {
    context: Arc<CudaContext>,
    stream: Arc<CudaStream>,
    blas: CudaBlas,
    kernels: HashMap<&'static str, CudaFunction>,
}

fn failed(error: impl std::fmt::Debug) -> Error {
    Error::new(Kind::Engine, format!("the GPU failed: {error:?}"))
        .hint("train on the processor, without `--gpu`")
}

fn number(n: usize) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}

/// One thread for each of `count`.
fn each(count: usize) -> LaunchConfig {
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    LaunchConfig {
        grid_dim: (count.div_ceil(THREADS).max(1), 1, 1),
        block_dim: (THREADS, 1, 1),
        shared_mem_bytes: 0,
    }
}

/// One block for each of `count` rows.
fn rows(count: usize) -> LaunchConfig {
    LaunchConfig {
        grid_dim: (u32::try_from(count).unwrap_or(u32::MAX).max(1), 1, 1),
        block_dim: (THREADS, 1, 1),
        shared_mem_bytes: 0,
    }
}

macro_rules! launch {
    ($device:expr, $name:literal, $config:expr, $($argument:expr),+ $(,)?) => {{
        let mut builder = $device.stream.launch_builder(&$device.kernels[$name]);
        $(builder.arg($argument);)+
        // SAFETY: the arguments are those of the kernel in type and order, and its arrays are as long as the grid and the
        // sizes say: each caller checks or makes them so.
        unsafe { builder.launch($config) }.map(drop).map_err(failed)
    }};
}

impl Cuda {
    pub(super) fn new() -> Result<Self> {
        // SAFETY: these only try to load the libraries.
        let (driver, blas, compiler) = unsafe {
            (
                cudarc::driver::sys::is_culib_present(),
                cudarc::cublas::sys::is_culib_present(),
                cudarc::nvrtc::sys::is_culib_present(),
            )
        };
        for (name, is_there) in [("driver", driver), ("cuBLAS", blas), ("NVRTC", compiler)] {
            if !is_there {
                let message = format!("the CUDA library {name} was not found");
                return Err(Error::new(Kind::Engine, message).hint(
                    "install the NVIDIA driver and the CUDA toolkit, and name their folder in `LD_LIBRARY_PATH`",
                ));
            }
        }
        let context = CudaContext::new(0).map_err(failed)?;
        let stream = context.default_stream();
        let blas = CudaBlas::new(Arc::clone(&stream)).map_err(failed)?;
        let code = cudarc::nvrtc::compile_ptx(include_str!("kernels.cu")).map_err(failed)?;
        let module = context.load_module(code).map_err(failed)?;
        let kernels = KERNELS
            .into_iter()
            .map(|name| Ok((name, module.load_function(name).map_err(failed)?)))
            .collect::<Result<_>>()?;
        Ok(Self {
            context,
            stream,
            blas,
            kernels,
        })
    }

    fn indices(&self, numbers: &[u32]) -> Result<CudaSlice<u32>> {
        self.stream.clone_htod(numbers).map_err(failed)
    }

    /// The weights of all heads, one after the other.
    fn weights(
        &self,
        size: Heads,
        queries: &CudaSlice<f32>,
        keys: &CudaSlice<f32>,
    ) -> Result<CudaSlice<f32>> {
        let mut scores = self.zeros(size.heads * size.length * size.length)?;
        self.scores(size, size.scale(), queries, keys, &mut scores)?;
        let length = size.length as u32;
        launch!(
            self,
            "softmax_causal",
            rows(size.heads * size.length),
            &mut scores,
            &length
        )?;
        Ok(scores)
    }

    /// `scale x y^T` for each head, where the heads of `y` are shared.
    fn scores(
        &self,
        size: Heads,
        scale: f32,
        x: &CudaSlice<f32>,
        y: &CudaSlice<f32>,
        into: &mut CudaSlice<f32>,
    ) -> Result<()> {
        let Heads {
            length,
            heads,
            key_heads,
            width,
        } = size;
        let share = heads / key_heads;
        for shared in 0..key_heads {
            let config = StridedBatchedConfig {
                gemm: GemmConfig {
                    transa: CUBLAS_OP_T,
                    transb: CUBLAS_OP_N,
                    m: number(length),
                    n: number(length),
                    k: number(width),
                    alpha: scale,
                    lda: number(key_heads * width),
                    ldb: number(heads * width),
                    beta: 0.0,
                    ldc: number(length),
                },
                batch_size: number(share),
                stride_a: 0,
                stride_b: width as i64,
                stride_c: (length * length) as i64,
            };
            let y = y.slice(shared * width..);
            let x = x.slice(shared * share * width..);
            let mut into = into.slice_mut(shared * share * length * length..);
            // SAFETY: the matrices lie inside their slices, as the sizes of the heads say.
            unsafe { self.blas.gemm_strided_batched(config, &y, &x, &mut into) }.map_err(failed)?;
        }
        Ok(())
    }

    /// `scale w y` for each head, where the heads of `y` are shared and `w` are weights or slopes of all heads.
    fn mixed(
        &self,
        size: Heads,
        scale: f32,
        w: &CudaSlice<f32>,
        y: &CudaSlice<f32>,
    ) -> Result<CudaSlice<f32>> {
        let Heads {
            length,
            heads,
            key_heads,
            width,
        } = size;
        let share = heads / key_heads;
        let mut out = self.zeros(length * heads * width)?;
        for shared in 0..key_heads {
            let config = StridedBatchedConfig {
                gemm: GemmConfig {
                    transa: CUBLAS_OP_N,
                    transb: CUBLAS_OP_N,
                    m: number(width),
                    n: number(length),
                    k: number(length),
                    alpha: scale,
                    lda: number(key_heads * width),
                    ldb: number(length),
                    beta: 0.0,
                    ldc: number(heads * width),
                },
                batch_size: number(share),
                stride_a: 0,
                stride_b: (length * length) as i64,
                stride_c: width as i64,
            };
            let y = y.slice(shared * width..);
            let w = w.slice(shared * share * length * length..);
            let mut out = out.slice_mut(shared * share * width..);
            // SAFETY: the matrices lie inside their slices, as the sizes of the heads say.
            unsafe { self.blas.gemm_strided_batched(config, &y, &w, &mut out) }.map_err(failed)?;
        }
        Ok(out)
    }

    /// The sum of `scale w^T x` over the heads that share a key head.
    fn gathered(
        &self,
        size: Heads,
        scale: f32,
        w: &CudaSlice<f32>,
        x: &CudaSlice<f32>,
    ) -> Result<CudaSlice<f32>> {
        let Heads {
            length,
            heads,
            key_heads,
            width,
        } = size;
        let share = heads / key_heads;
        let mut out = self.zeros(length * key_heads * width)?;
        for head in 0..heads {
            let config = GemmConfig {
                transa: CUBLAS_OP_N,
                transb: CUBLAS_OP_T,
                m: number(width),
                n: number(length),
                k: number(length),
                alpha: scale,
                lda: number(heads * width),
                ldb: number(length),
                beta: 1.0,
                ldc: number(key_heads * width),
            };
            let x = x.slice(head * width..);
            let w = w.slice(head * length * length..);
            let mut out = out.slice_mut(head / share * width..);
            // SAFETY: the matrices lie inside their slices, as the sizes of the heads say.
            unsafe { self.blas.gemm(config, &x, &w, &mut out) }.map_err(failed)?;
        }
        Ok(out)
    }
}

impl Device for Cuda {
    type Buffer = CudaSlice<f32>;

    fn name(&self) -> String {
        self.context.name().unwrap_or_else(|_| "a GPU".into())
    }

    fn upload(&self, numbers: &[f32]) -> Result<CudaSlice<f32>> {
        if numbers.is_empty() {
            return self.zeros(1);
        }
        self.stream.clone_htod(numbers).map_err(failed)
    }

    fn download(&self, buffer: &CudaSlice<f32>) -> Result<Vec<f32>> {
        self.stream.clone_dtoh(buffer).map_err(failed)
    }

    fn zeros(&self, length: usize) -> Result<CudaSlice<f32>> {
        self.stream.alloc_zeros(length.max(1)).map_err(failed)
    }

    fn clear(&self, buffer: &mut CudaSlice<f32>) -> Result<()> {
        self.stream.memset_zeros(buffer).map_err(failed)
    }

    fn multiply(
        &self,
        Product { m, n, k }: Product,
        a: Operand<'_, CudaSlice<f32>>,
        b: Operand<'_, CudaSlice<f32>>,
        (c, at): (&mut CudaSlice<f32>, usize),
        alpha: f32,
        beta: f32,
    ) -> Result<()> {
        // cuBLAS reads matrices column by column: what it sees is the transposed product.
        let (transa, lda) = if b.transposed {
            (CUBLAS_OP_T, k)
        } else {
            (CUBLAS_OP_N, n)
        };
        let (transb, ldb) = if a.transposed {
            (CUBLAS_OP_T, m)
        } else {
            (CUBLAS_OP_N, k)
        };
        let config = GemmConfig {
            transa,
            transb,
            m: number(n),
            n: number(m),
            k: number(k),
            alpha,
            lda: number(lda),
            ldb: number(ldb),
            beta,
            ldc: number(n),
        };
        // Slicing panics where a matrix would reach beyond its array.
        let a = a.buffer.slice(a.at..a.at + m * k);
        let b = b.buffer.slice(b.at..b.at + k * n);
        let mut c = c.slice_mut(at..at + m * n);
        // SAFETY: the three matrices fill their slices.
        unsafe { self.blas.gemm(config, &b, &a, &mut c) }.map_err(failed)
    }

    fn add(&self, x: &mut CudaSlice<f32>, y: &CudaSlice<f32>) -> Result<()> {
        assert_eq!(x.len(), y.len());
        let n = x.len() as u32;
        launch!(self, "add", each(y.len()), x, y, &n)
    }

    fn gather(&self, table: &CudaSlice<f32>, width: usize, of: &[u32]) -> Result<CudaSlice<f32>> {
        assert!(
            of.iter()
                .all(|&row| (row as usize + 1) * width <= table.len())
        );
        let mut out = self.zeros(of.len() * width)?;
        let (indices, columns) = (self.indices(of)?, width as u32);
        launch!(
            self,
            "gather",
            rows(of.len()),
            &mut out,
            table,
            &indices,
            &columns
        )?;
        Ok(out)
    }

    fn scatter(
        &self,
        from: &CudaSlice<f32>,
        width: usize,
        to: &[u32],
        length: usize,
    ) -> Result<CudaSlice<f32>> {
        assert!(to.iter().all(|&row| (row as usize) < length) && to.len() * width <= from.len());
        let mut out = self.zeros(length * width)?;
        let (indices, columns) = (self.indices(to)?, width as u32);
        launch!(
            self,
            "scatter",
            rows(to.len()),
            &mut out,
            from,
            &indices,
            &columns
        )?;
        Ok(out)
    }

    fn normalise(
        &self,
        x: &CudaSlice<f32>,
        weight: &CudaSlice<f32>,
        epsilon: f32,
    ) -> Result<CudaSlice<f32>> {
        let mut out = self.zeros(x.len())?;
        let (count, width) = (x.len() / weight.len(), weight.len() as u32);
        launch!(
            self,
            "normalise",
            rows(count),
            &mut out,
            x,
            weight,
            &width,
            &epsilon
        )?;
        Ok(out)
    }

    fn normalise_back(
        &self,
        gradient: &CudaSlice<f32>,
        x: &CudaSlice<f32>,
        weight: &CudaSlice<f32>,
        epsilon: f32,
        into: &mut CudaSlice<f32>,
    ) -> Result<()> {
        assert!(gradient.len() == x.len() && into.len() == x.len());
        let (count, width) = (x.len() / weight.len(), weight.len() as u32);
        let config = rows(count);
        launch!(
            self,
            "normalise_back",
            config,
            into,
            gradient,
            x,
            weight,
            &width,
            &epsilon
        )
    }

    fn rotate(
        &self,
        x: &mut CudaSlice<f32>,
        heads: usize,
        width: usize,
        turns: &CudaSlice<f32>,
        back: bool,
    ) -> Result<()> {
        assert_eq!(x.len(), turns.len() * heads);
        let sign = if back { -1.0_f32 } else { 1.0 };
        let (heads, columns) = (heads as u32, width as u32);
        let pairs = x.len() / 2;
        let count = pairs as u32;
        launch!(
            self,
            "rotate",
            each(pairs),
            x,
            turns,
            &heads,
            &columns,
            &sign,
            &count
        )
    }

    fn attend(
        &self,
        size: Heads,
        queries: &CudaSlice<f32>,
        keys: &CudaSlice<f32>,
        values: &CudaSlice<f32>,
    ) -> Result<CudaSlice<f32>> {
        let weights = self.weights(size, queries, keys)?;
        self.mixed(size, 1.0, &weights, values)
    }

    fn attend_back(
        &self,
        size: Heads,
        gradient: &CudaSlice<f32>,
        queries: &CudaSlice<f32>,
        keys: &CudaSlice<f32>,
        values: &CudaSlice<f32>,
    ) -> Result<Back<CudaSlice<f32>>> {
        let weights = self.weights(size, queries, keys)?;
        let for_values = self.gathered(size, 1.0, &weights, gradient)?;
        let mut slopes = self.zeros(weights.len())?;
        self.scores(size, 1.0, gradient, values, &mut slopes)?;
        let length = size.length as u32;
        let config = rows(size.heads * size.length);
        launch!(self, "softmax_back", config, &mut slopes, &weights, &length)?;
        Ok(Back {
            queries: self.mixed(size, size.scale(), &slopes, keys)?,
            keys: self.gathered(size, size.scale(), &slopes, queries)?,
            values: for_values,
        })
    }

    fn gate(&self, gate: &CudaSlice<f32>, up: &CudaSlice<f32>) -> Result<CudaSlice<f32>> {
        assert_eq!(gate.len(), up.len());
        let mut out = self.zeros(gate.len())?;
        let n = gate.len() as u32;
        launch!(self, "gate", each(gate.len()), &mut out, gate, up, &n)?;
        Ok(out)
    }

    fn gate_back(
        &self,
        gradient: &CudaSlice<f32>,
        gate: &mut CudaSlice<f32>,
        up: &mut CudaSlice<f32>,
    ) -> Result<()> {
        assert!(gate.len() == up.len() && gradient.len() == up.len());
        let n = gradient.len() as u32;
        launch!(
            self,
            "gate_back",
            each(gradient.len()),
            gradient,
            gate,
            up,
            &n
        )
    }

    fn drop_out(&self, x: &CudaSlice<f32>, dropout: Dropout) -> Result<CudaSlice<f32>> {
        let mut out = self.zeros(x.len())?;
        let n = x.len() as u32;
        launch!(
            self,
            "drop_out",
            each(x.len()),
            &mut out,
            x,
            &dropout.rate,
            &dropout.key,
            &n
        )?;
        Ok(out)
    }

    fn cross_entropy(
        &self,
        logits: &mut CudaSlice<f32>,
        targets: &[u32],
        weight: f32,
    ) -> Result<Vec<f32>> {
        let width = logits.len() / targets.len();
        assert!(targets.iter().all(|&target| (target as usize) < width));
        let mut losses = self.zeros(targets.len())?;
        let (wanted, columns) = (self.indices(targets)?, width as u32);
        let config = rows(targets.len());
        launch!(
            self,
            "cross_entropy",
            config,
            logits,
            &mut losses,
            &wanted,
            &columns,
            &weight
        )?;
        self.download(&losses)
    }

    fn sum_of_squares(&self, x: &CudaSlice<f32>) -> Result<f64> {
        let mut sum = self.zeros(1)?;
        let n = number(x.len());
        let config = GemmConfig {
            transa: CUBLAS_OP_T,
            transb: CUBLAS_OP_N,
            m: 1,
            n: 1,
            k: n,
            alpha: 1.0,
            lda: n,
            ldb: n,
            beta: 0.0,
            ldc: 1,
        };
        // SAFETY: a row and a column that fill the array, and one number.
        unsafe { self.blas.gemm(config, x, x, &mut sum) }.map_err(failed)?;
        Ok(f64::from(self.download(&sum)?[0]))
    }

    fn adam(
        &self,
        step: Step,
        values: &mut CudaSlice<f32>,
        gradients: &CudaSlice<f32>,
        first: &mut CudaSlice<f32>,
        second: &mut CudaSlice<f32>,
    ) -> Result<()> {
        assert!([gradients.len(), first.len(), second.len()] == [values.len(); 3]);
        let (correct1, correct2) = step.corrections();
        let n = gradients.len() as u32;
        launch!(
            self,
            "adam",
            each(gradients.len()),
            values,
            gradients,
            first,
            second,
            &step.rate,
            &step.decay,
            &step.scale,
            &correct1,
            &correct2,
            &Step::BETA1,
            &Step::BETA2,
            &Step::EPSILON,
            &n,
        )
    }
}
