// Every kernel in one program: it is compiled once for a device, an element type and a head's width.
#include "activation.cu"
#include "attention.cu"
#include "cast.cu"
#include "classifier.cu"
#include "embedding.cu"
#include "layer_norm.cu"
#include "rows.cu"
#include "softmax.cu"
