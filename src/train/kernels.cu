// The operations of training on an NVIDIA GPU that cuBLAS does not have. Compiled when a training starts, by NVRTC.
// All arrays are of float, in row-major order. A row is handled by one block of 256 threads, a number by one thread.

#define ROW_SUM(name) __shared__ float name[32]

// The sum over all threads of the block, in every thread.
__device__ float sum_block(float x, float *shared) {
    for (int offset = 16; offset > 0; offset >>= 1) x += __shfl_xor_sync(0xffffffffu, x, offset);
    __syncthreads();
    if ((threadIdx.x & 31) == 0) shared[threadIdx.x >> 5] = x;
    __syncthreads();
    x = threadIdx.x < (blockDim.x >> 5) ? shared[threadIdx.x] : 0.0f;
    if (threadIdx.x < 32) {
        for (int offset = 16; offset > 0; offset >>= 1) x += __shfl_xor_sync(0xffffffffu, x, offset);
        if (threadIdx.x == 0) shared[0] = x;
    }
    __syncthreads();
    return shared[0];
}

__device__ float most_block(float x, float *shared) {
    for (int offset = 16; offset > 0; offset >>= 1) x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, offset));
    __syncthreads();
    if ((threadIdx.x & 31) == 0) shared[threadIdx.x >> 5] = x;
    __syncthreads();
    x = threadIdx.x < (blockDim.x >> 5) ? shared[threadIdx.x] : -3.4e38f;
    if (threadIdx.x < 32) {
        for (int offset = 16; offset > 0; offset >>= 1) x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, offset));
        if (threadIdx.x == 0) shared[0] = x;
    }
    __syncthreads();
    return shared[0];
}

extern "C" __global__ void add(float *x, const float *y, unsigned n) {
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) x[i] += y[i];
}

extern "C" __global__ void gather(float *out, const float *table, const unsigned *rows, unsigned width) {
    const float *from = table + (size_t)rows[blockIdx.x] * width;
    float *to = out + (size_t)blockIdx.x * width;
    for (unsigned i = threadIdx.x; i < width; i += blockDim.x) to[i] = from[i];
}

extern "C" __global__ void scatter(float *out, const float *from, const unsigned *rows, unsigned width) {
    float *to = out + (size_t)rows[blockIdx.x] * width;
    const float *row = from + (size_t)blockIdx.x * width;
    for (unsigned i = threadIdx.x; i < width; i += blockDim.x) to[i] = row[i];
}

extern "C" __global__ void normalise(float *out, const float *x, const float *weight, unsigned width, float epsilon) {
    ROW_SUM(shared);
    const float *row = x + (size_t)blockIdx.x * width;
    float *to = out + (size_t)blockIdx.x * width;
    float sum = 0.0f;
    for (unsigned i = threadIdx.x; i < width; i += blockDim.x) sum += row[i] * row[i];
    float inverse = rsqrtf(sum_block(sum, shared) / width + epsilon);
    for (unsigned i = threadIdx.x; i < width; i += blockDim.x) to[i] = row[i] * inverse * weight[i];
}

extern "C" __global__ void normalise_back(float *into, const float *gradient, const float *x, const float *weight,
                                          unsigned width, float epsilon) {
    ROW_SUM(shared);
    size_t start = (size_t)blockIdx.x * width;
    float sum = 0.0f, along = 0.0f;
    for (unsigned i = threadIdx.x; i < width; i += blockDim.x) {
        sum += x[start + i] * x[start + i];
        along += gradient[start + i] * x[start + i] * weight[i];
    }
    float inverse = rsqrtf(sum_block(sum, shared) / width + epsilon);
    float pull = sum_block(along, shared) * inverse * inverse * inverse / width;
    for (unsigned i = threadIdx.x; i < width; i += blockDim.x)
        into[start + i] += gradient[start + i] * weight[i] * inverse - x[start + i] * pull;
}

// One thread a pair.
extern "C" __global__ void rotate(float *x, const float *turns, unsigned heads, unsigned width, float sign, unsigned pairs) {
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= pairs) return;
    unsigned half = width / 2, pair = i % half, place = i / half / heads;
    float cosine = turns[(size_t)place * width + 2 * pair], sine = turns[(size_t)place * width + 2 * pair + 1] * sign;
    float a = x[2 * (size_t)i], b = x[2 * (size_t)i + 1];
    x[2 * (size_t)i] = a * cosine - b * sine;
    x[2 * (size_t)i + 1] = a * sine + b * cosine;
}

// Rows of `length` scores, of which the first (row % length) + 1 are seen.
extern "C" __global__ void softmax_causal(float *scores, unsigned length) {
    ROW_SUM(shared);
    float *row = scores + (size_t)blockIdx.x * length;
    unsigned seen = blockIdx.x % length + 1;
    float most = -3.4e38f;
    for (unsigned i = threadIdx.x; i < seen; i += blockDim.x) most = fmaxf(most, row[i]);
    most = most_block(most, shared);
    float sum = 0.0f;
    for (unsigned i = threadIdx.x; i < seen; i += blockDim.x) {
        row[i] = expf(row[i] - most);
        sum += row[i];
    }
    float share = 1.0f / sum_block(sum, shared);
    for (unsigned i = threadIdx.x; i < length; i += blockDim.x) row[i] = i < seen ? row[i] * share : 0.0f;
}

// Turns the gradients of weights into those of scores.
extern "C" __global__ void softmax_back(float *slopes, const float *weights, unsigned length) {
    ROW_SUM(shared);
    size_t start = (size_t)blockIdx.x * length;
    float along = 0.0f;
    for (unsigned i = threadIdx.x; i < length; i += blockDim.x) along += slopes[start + i] * weights[start + i];
    along = sum_block(along, shared);
    for (unsigned i = threadIdx.x; i < length; i += blockDim.x)
        slopes[start + i] = (slopes[start + i] - along) * weights[start + i];
}

extern "C" __global__ void gate(float *out, const float *gate, const float *up, unsigned n) {
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) out[i] = gate[i] / (1.0f + expf(-gate[i])) * up[i];
}

extern "C" __global__ void gate_back(const float *gradient, float *gate, float *up, unsigned n) {
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    float x = gate[i], y = up[i], g = gradient[i];
    float sigmoid = 1.0f / (1.0f + expf(-x));
    gate[i] = g * y * sigmoid * (1.0f + x * (1.0f - sigmoid));
    up[i] = g * x * sigmoid;
}

// As `Dropout::factor`.
extern "C" __global__ void drop_out(float *out, const float *x, float rate, unsigned key, unsigned n) {
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    unsigned hash = (i * 0x9E3779B9u) ^ key;
    hash = (hash ^ (hash >> 16)) * 0x7FEB352Du;
    hash = (hash ^ (hash >> 15)) * 0x846CA68Bu;
    hash ^= hash >> 16;
    float chance = (float)(hash >> 8) * (1.0f / 16777216.0f);
    out[i] = chance < rate ? 0.0f : x[i] / (1.0f - rate);
}

extern "C" __global__ void cross_entropy(float *logits, float *losses, const unsigned *targets, unsigned width, float weight) {
    ROW_SUM(shared);
    float *row = logits + (size_t)blockIdx.x * width;
    unsigned target = targets[blockIdx.x];
    float most = -3.4e38f;
    for (unsigned i = threadIdx.x; i < width; i += blockDim.x) most = fmaxf(most, row[i]);
    most = most_block(most, shared);
    float sum = 0.0f;
    for (unsigned i = threadIdx.x; i < width; i += blockDim.x) sum += expf(row[i] - most);
    sum = sum_block(sum, shared);
    float wanted = row[target];
    __syncthreads();
    if (threadIdx.x == 0) losses[blockIdx.x] = logf(sum) + most - wanted;
    float share = 1.0f / sum;
    for (unsigned i = threadIdx.x; i < width; i += blockDim.x)
        row[i] = (expf(row[i] - most) * share - (i == target ? 1.0f : 0.0f)) * weight;
}

extern "C" __global__ void adam(float *values, const float *gradients, float *first, float *second, float rate, float decay,
                                float scale, float correct1, float correct2, float beta1, float beta2, float epsilon,
                                unsigned n) {
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    float gradient = gradients[i] * scale;
    float m = first[i] + (gradient - first[i]) * (1.0f - beta1);
    float v = second[i] + (gradient * gradient - second[i]) * (1.0f - beta2);
    first[i] = m;
    second[i] = v;
    float change = m * correct1 / (sqrtf(v * correct2) + epsilon);
    values[i] -= rate * (change + decay * values[i]);
}
