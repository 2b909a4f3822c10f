use fillrate_kernels::{
    Activation, Cpu, Embeddings, LayerNorm, Linear, LinearShape, Nonlinearity, Precision,
    Sequences, Workspace,
};

#[track_caller]
fn assert_refused<T>(result: fillrate_kernels::Result<T>, message: &str) {
    match result {
        Ok(_) => panic!("accepted, expected: {message}"),
        Err(error) => assert_eq!(error.to_string(), message),
    }
}

fn ones(rows: usize, width: usize, precision: Precision) -> Activation {
    let mut activation = Activation::new(rows, width, precision);
    activation.set_f32(&vec![1.0; rows * width]);
    activation
}

#[test]
fn linear_names_shapes_and_types() {
    let cpu = Cpu::detect();
    let shape = LinearShape { inputs: 8, outputs: 4 };
    assert_refused(
        Linear::pack(&[0.0; 31], None, shape, Precision::Fp32),
        "linear: expected weight [4, 8], bias [4], got 31 weights, None biases",
    );
    let linear = Linear::pack(&[0.0; 32], None, shape, Precision::Int8).unwrap();
    let mut out = Activation::new(2, 4, Precision::Int8);
    assert_refused(
        cpu.linear(&ones(2, 9, Precision::Int8), &linear, Nonlinearity::Gelu, &mut out),
        "linear: expected [2, 8] into [2, 4], got [2, 9] into [32, 4]",
    );
    assert_refused(
        cpu.linear(&ones(2, 8, Precision::Bf16), &linear, Nonlinearity::Gelu, &mut out),
        "linear: expected int8 activations, got bf16",
    );
}

#[test]
fn packed_bytes_want_a_positive_scale_per_output() {
    let shape = LinearShape { inputs: 8, outputs: 4 };
    let pack =
        |bytes: usize, scales: &[f32]| Linear::pack_int8(&vec![1; bytes], scales, None, shape);
    assert_refused(
        pack(31, &[1.0; 4]),
        "linear: expected weight [4, 8], bias [4], got 31 weights, None biases",
    );
    assert_refused(pack(32, &[1.0; 3]), "linear: expected positive scales [4], got 3 scales");
    for scale in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        assert_refused(
            pack(32, &[1.0, 1.0, scale, 1.0]),
            &format!("linear: expected positive scales [4], got a scale of {scale}"),
        );
    }
}

#[test]
fn attention_checks_its_offsets() {
    let cpu = Cpu::detect();
    let qkv = ones(5, 24, Precision::Fp32);
    let mut out = Activation::new(5, 8, Precision::Fp32);
    let mut workspace = Workspace::new(5, 8, 3, 4);
    let mut attend = |cu_seqlens: &[u32]| {
        cpu.attention(&qkv, Sequences { cu_seqlens, heads: 2 }, &mut out, &mut workspace)
    };
    assert_refused(
        attend(&[0, 4]),
        "attention: expected offsets rising from 0 to 5, got Some(0) … Some(4)",
    );
    assert_refused(
        attend(&[0, 3, 2, 5]),
        "attention: expected offsets rising from 0 to 5, got Some(0) … Some(5)",
    );
    assert_refused(attend(&[0, 4, 5]), "attention: expected sequences of at most 3 tokens, got 4");
    attend(&[0, 0, 3, 5]).unwrap();
}

#[test]
fn attention_of_first_tokens_checks_its_offsets() {
    let cpu = Cpu::detect();
    let (queries, qkv) = (ones(2, 24, Precision::Fp32), ones(5, 24, Precision::Fp32));
    let mut out = Activation::new(2, 8, Precision::Fp32);
    let mut workspace = Workspace::new(5, 8, 3, 4);
    let mut attend = |cu_seqlens: &[u32]| {
        let sequences = Sequences { cu_seqlens, heads: 2 };
        cpu.attention_first(&queries, &qkv, sequences, &mut out, &mut workspace)
    };
    let expected = "attention_first: expected 3 offsets rising to at most 5";
    assert_refused(attend(&[0, 5]), &format!("{expected}, got 2: Some(0) … Some(5)"));
    assert_refused(attend(&[1, 1, 3]), &format!("{expected}, got 3: Some(1) … Some(3)"));
    assert_refused(attend(&[1, 3, 6]), &format!("{expected}, got 3: Some(1) … Some(6)"));
    assert_refused(
        attend(&[0, 4, 5]),
        "attention_first: expected sequences of at most 3 tokens, got 4",
    );
    attend(&[1, 3, 5]).unwrap();
}

#[test]
fn columns_of_a_product_exist() {
    let cpu = Cpu::detect();
    let shape = LinearShape { inputs: 8, outputs: 4 };
    let linear = Linear::pack(&[1.0; 32], None, shape, Precision::Fp32).unwrap();
    let x = ones(2, 8, Precision::Fp32);
    let mut out = Activation::new(2, 4, Precision::Fp32);
    for columns in [0..5, 2..2] {
        assert_refused(
            cpu.linear_columns(&x, &linear, columns.clone(), &mut out),
            &format!(
                "linear_columns: expected some of 4 columns, not quantised, got {columns:?}, quantised: false"
            ),
        );
    }
}

#[test]
fn embeddings_check_their_indices() {
    let cpu = Cpu::detect();
    let tables = Embeddings::new(&[0.0; 40], &[0.0; 12], 4, Precision::Bf16).unwrap();
    let norm = LayerNorm::new(&[1.0; 4], &[0.0; 4], 1e-5).unwrap();
    let mut out = Activation::new(2, 4, Precision::Bf16);
    let mut workspace = Workspace::new(2, 4, 2, 4);
    let mut embed = |ids: &[u32], positions: &[u32]| {
        cpu.embed_layer_norm(&tables, ids, positions, &norm, &mut out, &mut workspace)
    };
    assert_refused(embed(&[10], &[0]), "embed_layer_norm: expected token ids below 10, got 10");
    assert_refused(embed(&[1], &[3]), "embed_layer_norm: expected positions below 3, got 3");
    embed(&[9, 0], &[2, 0]).unwrap();
}

#[test]
fn layer_norm_wants_a_positive_epsilon() {
    assert_refused(
        LayerNorm::new(&[1.0], &[0.0], 0.0).map(|_| ()),
        "layer_norm: expected a positive epsilon, got 0",
    );
}
