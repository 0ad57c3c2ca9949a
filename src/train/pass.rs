//! A text read by the frozen model and its adapter, and the gradients of the adapter.
//!
//! Whatever the way back needs of the way forth is kept, but for attention weights, which are computed anew because they
//! grow with the square of the text.

use std::ops::Range;

use super::device::{Device, Dropout, Operand, Product};
use super::llama::Model;
use super::lora::{Module, Places};
use crate::Result;

/// Rows of the vocabulary's scores that are computed at once: 256 rows of 50,000 tokens are 50 MB.
const ROWS: usize = 256;

/// An adapter as the device holds it: all matrices one after the other, as [`Places`] says.
pub(super) struct Adapter<'a, B> {
    pub(super) places: &'a Places,
    pub(super) values: &'a B,
    /// What the adapter's part is multiplied by.
    pub(super) scale: f32,
    /// How much of its input is taken away, and the key of this reading.
    pub(super) dropout: Option<Dropout>,
}

/// What one application of a module keeps for the way back.
struct Applied<B> {
    /// The input after dropout, where there was any.
    thinned: Option<B>,
    /// The input in the adapter's few dimensions.
    low: Option<B>,
}

/// What a layer keeps for the way back.
struct Kept<B> {
    x: B,
    normal: B,
    queries: B,
    keys: B,
    values: B,
    attended: B,
    middle: B,
    inner_normal: B,
    gate: B,
    up: B,
    applied: Vec<Applied<B>>,
}

/// A text being read: [`Pass::forward`], then [`Pass::backward`].
pub(super) struct Pass<'a, D: Device> {
    pub(super) device: &'a D,
    pub(super) model: &'a Model<D>,
    pub(super) adapter: Adapter<'a, D::Buffer>,
}

/// What reading a text gave.
pub(super) struct Forward<B> {
    kept: Vec<Kept<B>>,
    turns: B,
    /// After the last layer.
    last: B,
}

impl<D: Device> Pass<'_, D> {
    /// A key of dropout for each use in this reading.
    fn dropout(&self, layer: usize, module: Module) -> Option<Dropout> {
        let dropout = self.adapter.dropout?;
        let place = (layer * Module::ALL.len() + module as usize + 1) as u32;
        Some(Dropout {
            key: dropout.key ^ place.wrapping_mul(0x85EB_CA6B),
            ..dropout
        })
    }

    /// A module of a layer, adapter included, on `length` rows.
    fn apply(
        &self,
        layer: usize,
        module: Module,
        x: &D::Buffer,
        length: usize,
    ) -> Result<(D::Buffer, Applied<D::Buffer>)> {
        let (rows, columns) = self.model.shape.module(module);
        let weight = &self.model.layers[layer].modules[module as usize];
        let mut y = self.device.zeros(length * rows)?;
        self.device.multiply(
            Product::new(length, rows, columns),
            Operand::of(x),
            Operand::of(weight).transposed(),
            (&mut y, 0),
            1.0,
            0.0,
        )?;
        let mut applied = Applied {
            thinned: None,
            low: None,
        };
        if let Some(place) = self.adapter.places.of(layer, module) {
            if let Some(dropout) = self.dropout(layer, module) {
                applied.thinned = Some(self.device.drop_out(x, dropout)?);
            }
            let rank = self.adapter.places.rank;
            let input = applied.thinned.as_ref().unwrap_or(x);
            let mut low = self.device.zeros(length * rank)?;
            self.device.multiply(
                Product::new(length, rank, columns),
                Operand::of(input),
                Operand::at(self.adapter.values, place.a).transposed(),
                (&mut low, 0),
                1.0,
                0.0,
            )?;
            self.device.multiply(
                Product::new(length, rows, rank),
                Operand::of(&low),
                Operand::at(self.adapter.values, place.b).transposed(),
                (&mut y, 0),
                self.adapter.scale,
                1.0,
            )?;
            applied.low = Some(low);
        }
        Ok((y, applied))
    }

    /// Adds to `into` the gradient of a module's input, and to `learned` those of the adapter's matrices.
    #[allow(clippy::too_many_arguments)]
    fn apply_back(
        &self,
        (layer, module): (usize, Module),
        gradient: &D::Buffer,
        x: &D::Buffer,
        applied: &Applied<D::Buffer>,
        length: usize,
        into: &mut D::Buffer,
        learned: &mut D::Buffer,
    ) -> Result<()> {
        let device = self.device;
        let (rows, columns) = self.model.shape.module(module);
        let weight = &self.model.layers[layer].modules[module as usize];
        device.multiply(
            Product::new(length, columns, rows),
            Operand::of(gradient),
            Operand::of(weight),
            (into, 0),
            1.0,
            1.0,
        )?;
        let (Some(place), Some(low)) = (self.adapter.places.of(layer, module), &applied.low) else {
            return Ok(());
        };
        let rank = self.adapter.places.rank;
        let scale = self.adapter.scale;
        device.multiply(
            Product::new(rows, rank, length),
            Operand::of(gradient).transposed(),
            Operand::of(low),
            (learned, place.b),
            scale,
            1.0,
        )?;
        let mut for_low = device.zeros(length * rank)?;
        device.multiply(
            Product::new(length, rank, rows),
            Operand::of(gradient),
            Operand::at(self.adapter.values, place.b),
            (&mut for_low, 0),
            scale,
            0.0,
        )?;
        device.multiply(
            Product::new(rank, columns, length),
            Operand::of(&for_low).transposed(),
            Operand::of(applied.thinned.as_ref().unwrap_or(x)),
            (learned, place.a),
            1.0,
            1.0,
        )?;
        let a = Operand::at(self.adapter.values, place.a);
        let product = Product::new(length, columns, rank);
        match self.dropout(layer, module) {
            None => device.multiply(product, Operand::of(&for_low), a, (into, 0), 1.0, 1.0),
            Some(dropout) => {
                let mut through = device.zeros(length * columns)?;
                device.multiply(
                    product,
                    Operand::of(&for_low),
                    a,
                    (&mut through, 0),
                    1.0,
                    0.0,
                )?;
                device.add(into, &device.drop_out(&through, dropout)?)
            }
        }
    }

    /// Reads `tokens`.
    pub(super) fn forward(&self, tokens: &[u32]) -> Result<Forward<D::Buffer>> {
        let (device, model) = (self.device, self.model);
        let shape = &model.shape;
        let length = tokens.len();
        let size = shape.heads(length);
        let turns = model.turns(device, length)?;
        let mut x = device.gather(&model.embedding, shape.width, tokens)?;
        let mut kept = Vec::with_capacity(shape.layers);
        for (index, layer) in model.layers.iter().enumerate() {
            let mut applied = Vec::with_capacity(Module::ALL.len());
            let mut apply = |module, x: &D::Buffer| -> Result<D::Buffer> {
                let (y, one) = self.apply(index, module, x, length)?;
                applied.push(one);
                Ok(y)
            };
            let normal = device.normalise(&x, &layer.before_attention, shape.epsilon)?;
            let mut queries = apply(Module::Query, &normal)?;
            let mut keys = apply(Module::Key, &normal)?;
            let values = apply(Module::Value, &normal)?;
            device.rotate(&mut queries, shape.heads, shape.head, &turns, false)?;
            device.rotate(&mut keys, shape.key_heads, shape.head, &turns, false)?;
            let attended = device.attend(size, &queries, &keys, &values)?;
            let mut middle = apply(Module::Output, &attended)?;
            device.add(&mut middle, &x)?;
            let inner_normal = device.normalise(&middle, &layer.before_inner, shape.epsilon)?;
            let gate = apply(Module::Gate, &inner_normal)?;
            let up = apply(Module::Up, &inner_normal)?;
            let mut next = apply(Module::Down, &device.gate(&gate, &up)?)?;
            device.add(&mut next, &middle)?;
            kept.push(Kept {
                x: std::mem::replace(&mut x, next),
                normal,
                queries,
                keys,
                values,
                attended,
                middle,
                inner_normal,
                gate,
                up,
                applied,
            });
        }
        Ok(Forward {
            kept,
            turns,
            last: x,
        })
    }

    /// The scores of the token after each of the places `rows`.
    #[cfg(test)]
    pub(super) fn logits(&self, forward: &Forward<D::Buffer>, rows: &[u32]) -> Result<Vec<f32>> {
        let normal = self.normal_rows(forward, rows)?;
        self.device.download(&self.scores(&normal, 0, rows.len())?)
    }

    /// The normalised last state of the places `rows`.
    fn normal_rows(&self, forward: &Forward<D::Buffer>, rows: &[u32]) -> Result<D::Buffer> {
        let shape = &self.model.shape;
        let last = self.device.gather(&forward.last, shape.width, rows)?;
        self.device
            .normalise(&last, &self.model.before_output, shape.epsilon)
    }

    fn scores(&self, normal: &D::Buffer, start: usize, count: usize) -> Result<D::Buffer> {
        let shape = &self.model.shape;
        let output = self.model.output.as_ref().unwrap_or(&self.model.embedding);
        let mut scores = self.device.zeros(count * shape.vocabulary)?;
        self.device.multiply(
            Product::new(count, shape.vocabulary, shape.width),
            Operand::at(normal, start * shape.width),
            Operand::of(output).transposed(),
            (&mut scores, 0),
            1.0,
            0.0,
        )?;
        Ok(scores)
    }

    /// The loss of each learned token of `tokens`: how much less likely than certain it was, in nats. With `learned`, adds
    /// to it the gradient of their mean times `share`.
    pub(super) fn losses(
        &self,
        tokens: &[u32],
        targets: &[Range<usize>],
        learned: Option<(&mut D::Buffer, f32)>,
    ) -> Result<Vec<f32>> {
        // The first token follows nothing, so that nothing tells it.
        let told: Vec<usize> = targets
            .iter()
            .flat_map(Clone::clone)
            .filter(|&at| at > 0)
            .collect();
        if told.is_empty() {
            return Ok(Vec::new());
        }
        let (device, model) = (self.device, self.model);
        let shape = &model.shape;
        let mut forward = self.forward(tokens)?;
        let rows: Vec<u32> = told.iter().map(|&at| at as u32 - 1).collect();
        let wanted: Vec<u32> = told.iter().map(|&at| tokens[at]).collect();
        let normal = self.normal_rows(&forward, &rows)?;
        let output = model.output.as_ref().unwrap_or(&model.embedding);
        let weight = learned
            .as_ref()
            .map_or(0.0, |(_, share)| share / told.len() as f32);
        let mut losses = Vec::with_capacity(told.len());
        let mut for_normal = device.zeros(told.len() * shape.width)?;
        for start in (0..told.len()).step_by(ROWS) {
            let count = ROWS.min(told.len() - start);
            let mut scores = self.scores(&normal, start, count)?;
            losses.extend(device.cross_entropy(
                &mut scores,
                &wanted[start..start + count],
                weight,
            )?);
            if learned.is_some() {
                device.multiply(
                    Product::new(count, shape.width, shape.vocabulary),
                    Operand::of(&scores),
                    Operand::of(output),
                    (&mut for_normal, start * shape.width),
                    1.0,
                    0.0,
                )?;
            }
        }
        if let Some((learned, _)) = learned {
            let last = device.gather(&forward.last, shape.width, &rows)?;
            let mut for_last = device.zeros(told.len() * shape.width)?;
            device.normalise_back(
                &for_normal,
                &last,
                &model.before_output,
                shape.epsilon,
                &mut for_last,
            )?;
            let gradient = device.scatter(&for_last, shape.width, &rows, tokens.len())?;
            self.backward(&mut forward, gradient, tokens.len(), learned)?;
        }
        Ok(losses)
    }

    /// Adds to `learned` the gradients of the adapter, given that of the last layer's result. Takes `forward` apart.
    fn backward(
        &self,
        forward: &mut Forward<D::Buffer>,
        mut gradient: D::Buffer,
        length: usize,
        learned: &mut D::Buffer,
    ) -> Result<()> {
        let (device, model) = (self.device, self.model);
        let shape = &model.shape;
        let size = shape.heads(length);
        let epsilon = shape.epsilon;
        while let Some(mut kept) = forward.kept.pop() {
            let index = forward.kept.len();
            let layer = &model.layers[index];
            let applied = &kept.applied;
            let mut back =
                |module: Module, gradient: &D::Buffer, x: &D::Buffer, into: &mut D::Buffer| {
                    let one = &applied[module as usize];
                    self.apply_back((index, module), gradient, x, one, length, into, learned)
                };
            let gated = device.gate(&kept.gate, &kept.up)?;
            let mut for_gated = device.zeros(length * shape.inner)?;
            back(Module::Down, &gradient, &gated, &mut for_gated)?;
            device.gate_back(&for_gated, &mut kept.gate, &mut kept.up)?;
            let mut for_normal = device.zeros(length * shape.width)?;
            back(
                Module::Gate,
                &kept.gate,
                &kept.inner_normal,
                &mut for_normal,
            )?;
            back(Module::Up, &kept.up, &kept.inner_normal, &mut for_normal)?;
            device.normalise_back(
                &for_normal,
                &kept.middle,
                &layer.before_inner,
                epsilon,
                &mut gradient,
            )?;

            let mut for_attended = device.zeros(length * shape.heads * shape.head)?;
            back(Module::Output, &gradient, &kept.attended, &mut for_attended)?;
            let mut of =
                device.attend_back(size, &for_attended, &kept.queries, &kept.keys, &kept.values)?;
            device.rotate(
                &mut of.queries,
                shape.heads,
                shape.head,
                &forward.turns,
                true,
            )?;
            device.rotate(
                &mut of.keys,
                shape.key_heads,
                shape.head,
                &forward.turns,
                true,
            )?;
            device.clear(&mut for_normal)?;
            back(Module::Query, &of.queries, &kept.normal, &mut for_normal)?;
            back(Module::Key, &of.keys, &kept.normal, &mut for_normal)?;
            back(Module::Value, &of.values, &kept.normal, &mut for_normal)?;
            device.normalise_back(
                &for_normal,
                &kept.x,
                &layer.before_attention,
                epsilon,
                &mut gradient,
            )?;
        }
        Ok(())
    }
}
