//! A model's weights in device memory: laid out from its configuration, copied tensor by tensor.

use fillrate_kernels::cuda::{
    Accelerator, Address, Cell, DeviceEmbeddings, DeviceLinear, DeviceNorm, DeviceScales,
    DeviceTail, Element, Layout, Memory, ProductScales, Queue, Region, Span, e4m3_scale,
    narrow_e4m3,
};
use fillrate_kernels::{LinearShape, Nonlinearity};

use super::CudaOptions;
use super::ranges::{ActivationRanges, Product};
use crate::text::encoder::config::EncoderConfig;
use crate::text::encoder::weights::WeightLoader;
use crate::{Error, Result};

/// The token ids whose rows are read and copied at once.
const BLOCK_IDS: usize = 1024;

/// The weights of one transformer layer.
pub(super) struct DeviceLayer {
    /// Query, key and value in one product: `[3 * hidden, hidden]`.
    pub(super) qkv: DeviceLinear,
    pub(super) attention_output: DeviceLinear,
    pub(super) attention_norm: DeviceNorm,
    pub(super) intermediate: DeviceLinear,
    pub(super) output: DeviceLinear,
    pub(super) output_norm: DeviceNorm,
}

/// The weights of a classifier.
pub(super) struct DeviceWeights {
    pub(super) embeddings: DeviceEmbeddings,
    pub(super) embedding_norm: DeviceNorm,
    pub(super) layers: Vec<DeviceLayer>,
    /// In f32, as everything behind the last layer.
    pub(super) dense: DeviceTail,
    pub(super) nonlinearity: Nonlinearity,
    pub(super) classifier: DeviceTail,
    region: Region,
}

impl DeviceWeights {
    /// Copies the weights of a checkpoint to a device, over a queue that it waits for at the end.
    ///
    /// # Errors
    ///
    /// If a tensor is missing or damaged, or does not fit the element type, or the device fails.
    pub(super) fn upload(
        loader: &mut WeightLoader,
        accelerator: &dyn Accelerator,
        queue: &dyn Queue,
        options: &CudaOptions,
    ) -> Result<Self> {
        let ranges = options.fp8.as_deref();
        let spans = Spans::lay_out(&loader.config, ranges.is_some());
        let region =
            accelerator.allocate(Memory::Persistent, spans.layout.bytes(), "encoder weights")?;
        let element = accelerator.element();
        let base = region.address();
        let mut upload = Upload { loader, queue, element, ranges, base, bytes: Vec::new() };
        // The classifier first: an encoder without one is refused before much is copied.
        let (dense, classifier) = upload.head(&spans)?;
        let embeddings = upload.embeddings(&spans)?;
        let norm = upload.loader.embedding_norm_name();
        let embedding_norm = upload.norm(&norm, &spans.embedding_norm)?;
        let layers = spans.layers.iter().enumerate();
        let layers = layers.map(|(index, spans)| upload.layer(index, spans));
        let layers = layers.collect::<Result<Vec<_>>>()?;
        let nonlinearity = upload.loader.head_tensors().nonlinearity;
        queue.synchronize()?;
        Ok(Self { embeddings, embedding_norm, layers, dense, nonlinearity, classifier, region })
    }

    /// The bytes that they take on the device.
    pub(super) const fn bytes(&self) -> usize {
        self.region.bytes()
    }

    /// The bytes that [`Self::upload`] takes for a model.
    pub(super) fn bytes_for(config: &EncoderConfig, quantized: bool) -> usize {
        Spans::lay_out(config, quantized).layout.bytes()
    }
}

struct LinearSpans {
    shape: LinearShape,
    weight: Span,
    rounded_bias: Span,
    bias: Span,
    /// Of the input and of the weights, where they are 8-bit floats.
    scales: Option<[Span; 2]>,
}

struct NormSpans {
    gamma: Span,
    beta: Span,
}

struct TailSpans {
    shape: LinearShape,
    weight: Span,
    bias: Span,
}

struct LayerSpans {
    qkv: LinearSpans,
    attention_output: LinearSpans,
    attention_norm: NormSpans,
    intermediate: LinearSpans,
    output: LinearSpans,
    output_norm: NormSpans,
}

/// Where everything lies in the one block that holds a model.
struct Spans {
    layout: Layout,
    words: Span,
    positions: Span,
    embedding_norm: NormSpans,
    layers: Vec<LayerSpans>,
    dense: TailSpans,
    classifier: TailSpans,
}

impl Spans {
    fn lay_out(config: &EncoderConfig, quantized: bool) -> Self {
        let EncoderConfig { vocabulary, hidden, positions, intermediate, layers, .. } = *config;
        let mut layout = Layout::default();
        let (words, positions) =
            (layout.reserve(vocabulary * hidden * 2), layout.reserve(positions * hidden * 4));
        let embedding_norm = norm(&mut layout, hidden);
        let layers = (0..layers).map(|_| LayerSpans {
            qkv: linear(&mut layout, hidden, 3 * hidden, quantized),
            attention_output: linear(&mut layout, hidden, hidden, quantized),
            attention_norm: norm(&mut layout, hidden),
            intermediate: linear(&mut layout, hidden, intermediate, quantized),
            output: linear(&mut layout, intermediate, hidden, quantized),
            output_norm: norm(&mut layout, hidden),
        });
        let layers = layers.collect();
        let dense = tail(&mut layout, hidden, hidden);
        let classifier = tail(&mut layout, hidden, config.labels.len());
        Self { layout, words, positions, embedding_norm, layers, dense, classifier }
    }
}

fn linear(layout: &mut Layout, inputs: usize, outputs: usize, quantized: bool) -> LinearSpans {
    let cell = if quantized { Cell::E4m3 } else { Cell::Element };
    LinearSpans {
        shape: LinearShape { inputs, outputs },
        weight: layout.reserve(inputs * outputs * cell.bytes()),
        rounded_bias: layout.reserve(outputs * 2),
        bias: layout.reserve(outputs * 4),
        scales: quantized.then(|| [layout.reserve(4), layout.reserve(4)]),
    }
}

fn norm(layout: &mut Layout, width: usize) -> NormSpans {
    NormSpans { gamma: layout.reserve(width * 4), beta: layout.reserve(width * 4) }
}

fn tail(layout: &mut Layout, inputs: usize, outputs: usize) -> TailSpans {
    TailSpans {
        shape: LinearShape { inputs, outputs },
        weight: layout.reserve(inputs * outputs * 4),
        bias: layout.reserve(outputs * 4),
    }
}

/// A copy under way.
struct Upload<'a> {
    loader: &'a mut WeightLoader,
    queue: &'a dyn Queue,
    element: Element,
    /// By which products are computed in 8-bit floats, if they are.
    ranges: Option<&'a ActivationRanges>,
    base: Address,
    /// Values on their way to the queue.
    bytes: Vec<u8>,
}

impl Upload<'_> {
    fn embeddings(&mut self, spans: &Spans) -> Result<DeviceEmbeddings> {
        let EncoderConfig { vocabulary, hidden, .. } = self.loader.config;
        let positions = self.loader.position_rows()?;
        let positions_at = self.floats(&positions, spans.positions)?;
        let words_at = spans.words.at(self.base);
        let Self { loader, queue, element, bytes, .. } = self;
        let mut words = loader.word_rows()?;
        let mut block = vec![0.0; BLOCK_IDS.min(vocabulary) * hidden];
        for first in (0..vocabulary).step_by(BLOCK_IDS) {
            let ids = BLOCK_IDS.min(vocabulary - first);
            let block = &mut block[..ids * hidden];
            words.read(block)?;
            narrow(*element, block, bytes)?;
            queue.upload(words_at.plus(first * hidden * 2), bytes)?;
        }
        Ok(DeviceEmbeddings { words: words_at, positions: positions_at, hidden })
    }

    fn layer(&mut self, index: usize, spans: &LayerSpans) -> Result<DeviceLayer> {
        let names = self.loader.layer_tensors(index);
        let ranges = self.ranges;
        let ceiling = |product| ranges.map(|ranges| ranges.ceiling(index, product));
        Ok(DeviceLayer {
            qkv: self.linear(&names.qkv, &spans.qkv, ceiling(Product::Qkv))?,
            attention_output: self.linear(
                &[names.attention_output],
                &spans.attention_output,
                ceiling(Product::AttentionOutput),
            )?,
            attention_norm: self.norm(&names.attention_norm, &spans.attention_norm)?,
            intermediate: self.linear(
                &[names.intermediate],
                &spans.intermediate,
                ceiling(Product::Intermediate),
            )?,
            output: self.linear(&[names.output], &spans.output, ceiling(Product::Output))?,
            output_norm: self.norm(&names.output_norm, &spans.output_norm)?,
        })
    }

    fn head(&mut self, spans: &Spans) -> Result<(DeviceTail, DeviceTail)> {
        let names = self.loader.head_tensors();
        let classifier = self.tail(&names.classifier, &spans.classifier)?;
        Ok((self.tail(&names.dense, &spans.dense)?, classifier))
    }

    /// Several linears of the same input as one, their outputs side by side. Where the input is in 8-bit
    /// floats `ceiling` is the largest that these should hold.
    fn linear(
        &mut self,
        names: &[String],
        spans: &LinearSpans,
        ceiling: Option<f32>,
    ) -> Result<DeviceLinear> {
        let LinearShape { inputs, outputs } = spans.shape;
        let each = LinearShape { inputs, outputs: outputs / names.len() };
        let (weight, bias) = self.loader.linear_values(names, each)?;
        let (weight_at, scales) = match (ceiling, spans.scales) {
            (Some(ceiling), Some(scales)) => {
                let input = e4m3_scale(ceiling);
                let (at, on_device) = self.narrow_weight(&weight, input, spans.weight, scales)?;
                (at, Some(DeviceScales { on_device, input }))
            }
            _ => (self.elements(&weight, spans.weight)?, None),
        };
        let rounded_bias = self.elements(&bias, spans.rounded_bias)?;
        let bias = self.floats(&bias, spans.bias)?;
        Ok(DeviceLinear { shape: spans.shape, weight: weight_at, rounded_bias, bias, scales })
    }

    /// Weights in 8-bit floats, with one scale for all of them: a finer one would gain nothing, since
    /// such floats are as precise for small values as for large ones.
    fn narrow_weight(
        &mut self,
        weight: &[f32],
        input_scale: f32,
        span: Span,
        [x, scale_at]: [Span; 2],
    ) -> Result<(Address, ProductScales)> {
        let scale =
            e4m3_scale(weight.iter().fold(0.0_f32, |largest, value| largest.max(value.abs())));
        self.bytes.clear();
        self.bytes.extend(weight.iter().map(|value| narrow_e4m3(value / scale)));
        let at = span.at(self.base);
        self.queue.upload(at, &self.bytes)?;
        let (x, weight) = (self.floats(&[input_scale], x)?, self.floats(&[scale], scale_at)?);
        Ok((at, ProductScales { x, weight }))
    }

    fn tail(&mut self, name: &str, spans: &TailSpans) -> Result<DeviceTail> {
        let (weight, bias) = self.loader.linear_values(&[name.to_owned()], spans.shape)?;
        let (weight, bias) = (self.floats(&weight, spans.weight)?, self.floats(&bias, spans.bias)?);
        Ok(DeviceTail { shape: spans.shape, weight, bias })
    }

    fn norm(&mut self, name: &str, spans: &NormSpans) -> Result<DeviceNorm> {
        let (gamma, beta) = self.loader.layer_norm_values(name)?;
        Ok(DeviceNorm {
            gamma: self.floats(&gamma, spans.gamma)?,
            beta: self.floats(&beta, spans.beta)?,
            width: gamma.len(),
            epsilon: self.loader.config.layer_norm_epsilon,
        })
    }

    fn floats(&mut self, values: &[f32], span: Span) -> Result<Address> {
        let at = span.at(self.base);
        self.queue.upload(at, bytemuck::cast_slice(values))?;
        Ok(at)
    }

    fn elements(&mut self, values: &[f32], span: Span) -> Result<Address> {
        let at = span.at(self.base);
        narrow(self.element, values, &mut self.bytes)?;
        self.queue.upload(at, &self.bytes)?;
        Ok(at)
    }
}

/// Writes the elements nearest to `values` over `bytes`.
///
/// # Errors
///
/// If a value is beyond the largest element.
fn narrow(element: Element, values: &[f32], bytes: &mut Vec<u8>) -> Result<()> {
    bytes.clear();
    for &value in values {
        let bits = element.narrow(value);
        if !element.widen(bits).is_finite() {
            let message = format!("a weight of {value} is beyond {element}; take bf16");
            return Err(Error::Argument { name: "precision", message });
        }
        bytes.extend(bits.to_le_bytes());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_beyond_fp16_are_refused_and_fit_bf16() {
        let mut bytes = vec![1];
        narrow(Element::Bf16, &[1e5, -1e5], &mut bytes).unwrap();
        assert_eq!(bytes.len(), 4);
        let error = narrow(Element::Fp16, &[1.0, 1e5], &mut bytes).unwrap_err();
        assert_eq!(error.to_string(), "precision: a weight of 100000 is beyond fp16; take bf16");
    }
}
