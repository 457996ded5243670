#include "execute/numerics.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "base/error.h"

namespace drtriton {
namespace {

uint64_t Seed() {
  const char* seed = std::getenv("DRTRITON_SEED");
  return seed != nullptr ? std::strtoull(seed, nullptr, 10) : 20261120;
}

class NumericsTest : public testing::Test {
 protected:
  void SetUp() override {
    RecordProperty("seed", std::to_string(Seed()));
    at::manual_seed(Seed());
  }
};

// A relative perturbation by at most half an ulp of float32, as problem.cc makes it.
at::Tensor Rounded(const at::Tensor& tensor, double epsilon = 1.1920929e-7) {
  return tensor * (1 + (at::rand_like(tensor) - 0.5) * epsilon);
}

// Expectation for f(x...) in float32.
template <typename F>
Expected ExpectFloat32(const F& f, const std::vector<at::Tensor>& inputs) {
  std::vector<at::Tensor> wide;
  for (const at::Tensor& input : inputs) wide.push_back(input.to(at::kDouble));
  Evidence evidence{f(wide), f(inputs), {}, {}, {}};
  for (int draw = 0; draw < 2; ++draw) {
    std::vector<at::Tensor> moved;
    for (const at::Tensor& input : wide) moved.push_back(Rounded(input));
    evidence.rounded.push_back(Rounded(f(moved)));
  }
  return MakeExpected(DType::kFloat32, evidence);
}

at::Tensor Truncated(const at::Tensor& tensor, int bits) {   // keeps `bits` of the 23 stored bits of a float32
  return tensor.view(at::kInt).bitwise_and(~((1 << (23 - bits)) - 1)).view(at::kFloat);
}

const auto kMatmul = [](const std::vector<at::Tensor>& x) { return at::matmul(x[0], x[1]); };

// The product accumulated over chunks of k in the given order: what a tiled kernel does.
at::Tensor ChunkedMatmul(const at::Tensor& a, const at::Tensor& b, int64_t chunk) {
  at::Tensor sum = at::zeros({a.size(0), b.size(1)});
  for (int64_t k = 0; k < a.size(1); k += chunk) {
    const int64_t count = std::min(chunk, a.size(1) - k);
    sum = sum + at::matmul(a.narrow(1, k, count), b.narrow(0, k, count));
  }
  return sum;
}

TEST_F(NumericsTest, AcceptsOtherSummationOrdersOfAMatmul) {
  for (const int64_t k : {64, 512, 2048}) {
    const at::Tensor a = at::randn({96, k}), b = at::randn({k, 80});
    const Expected expected = ExpectFloat32(kMatmul, {a, b});
    for (const int64_t chunk : {8, 32, 64}) {
      const Comparison comparison = Compare(expected, ChunkedMatmul(a, b, chunk));
      EXPECT_TRUE(comparison.right) << "k " << k << " chunk " << chunk << ": " << comparison.reason;
    }
  }
}

TEST_F(NumericsTest, RefusesTf32ForAFloat32Matmul) {
  const at::Tensor a = at::randn({64, 512}), b = at::randn({512, 64});
  const Comparison comparison = Compare(ExpectFloat32(kMatmul, {a, b}), at::matmul(Truncated(a, 10), Truncated(b, 10)));
  EXPECT_EQ(comparison.code, "wrong_values");
}

TEST_F(NumericsTest, RefusesABfloat16RoundTrip) {
  const at::Tensor a = at::randn({64, 256}), b = at::randn({256, 64});
  EXPECT_FALSE(Compare(ExpectFloat32(kMatmul, {a, b}), at::matmul(a, b).to(at::kBFloat16).to(at::kFloat)).right);
}

// bfloat16 inputs and results: accumulating in bfloat16 is worse than rounding once.
TEST_F(NumericsTest, RefusesBfloat16Accumulation) {
  const at::Tensor a = at::randn({64, 1024}).to(at::kBFloat16), b = at::randn({1024, 64}).to(at::kBFloat16);
  Evidence evidence{at::matmul(a.to(at::kDouble), b.to(at::kDouble)), at::matmul(a.to(at::kFloat), b.to(at::kFloat)).to(at::kBFloat16), {}, {}, {}};
  evidence.rounded = {Rounded(evidence.exact, 0.0078125), Rounded(evidence.exact, 0.0078125)};
  const Expected expected = MakeExpected(DType::kBFloat16, evidence);
  at::Tensor sum = at::zeros({64, 64}, at::kBFloat16);
  for (int64_t k = 0; k < 1024; ++k) sum = sum + at::matmul(a.narrow(1, k, 1), b.narrow(0, k, 1));
  EXPECT_EQ(Compare(expected, sum).code, "wrong_values");
  EXPECT_TRUE(Compare(expected, ChunkedMatmul(a.to(at::kFloat), b.to(at::kFloat), 16).to(at::kBFloat16)).right);
}

TEST_F(NumericsTest, FindsOneWrongElementInALargeTensor) {
  const at::Tensor x = at::randn({3000, 1001});
  const Expected expected = ExpectFloat32([](const auto& in) { return at::gelu(in[0]); }, {x});
  at::Tensor candidate = at::gelu(x);
  EXPECT_TRUE(Compare(expected, candidate).right);
  candidate.view({-1})[3003 - 1] += 1e-4;
  const Comparison comparison = Compare(expected, candidate);
  EXPECT_EQ(comparison.element, 3002);
  EXPECT_NE(comparison.reason.find("[2, 1000]"), std::string::npos) << comparison.reason;
  candidate = at::gelu(x);
  candidate.view({-1})[candidate.numel() - 1] = 0;
  EXPECT_FALSE(Compare(expected, candidate).right);
}

TEST_F(NumericsTest, RefusesTrivialResults) {
  const at::Tensor x = at::randn({128, 300});
  const Expected expected = ExpectFloat32([](const auto& in) { return at::softmax(in[0], 1); }, {x});
  EXPECT_FALSE(Compare(expected, at::zeros_like(x)).right);
  EXPECT_FALSE(Compare(expected, x).right);
  EXPECT_EQ(Compare(expected, at::full_like(x, std::numeric_limits<float>::quiet_NaN())).code, "wrong_nan");
}

// Results of 1 to 40 elements: eager may be exact by luck.
TEST_F(NumericsTest, AcceptsHonestReorderingsOfSmallResults) {
  int refused = 0;
  for (int trial = 0; trial < 300; ++trial) {
    const int64_t rows = 1 + trial % 40;
    const at::Tensor x = at::randn({rows, 3000});
    const Expected expected = ExpectFloat32([](const auto& in) { return in[0].sum(1); }, {x});
    at::Tensor candidate = at::zeros({rows});
    for (int64_t lane = 0; lane < 30; ++lane) candidate = candidate + x.narrow(1, lane * 100, 100).sum(1);
    refused += !Compare(expected, candidate).right;
  }
  EXPECT_EQ(refused, 0);
}

TEST_F(NumericsTest, SmallResultsStillNeedPrecision) {
  const at::Tensor x = at::rand({100000});
  const Expected expected = ExpectFloat32([](const auto& in) { return in[0].mean(); }, {x});
  EXPECT_TRUE(Compare(expected, x.sum() / 100000).right);
  EXPECT_FALSE(Compare(expected, x.mean() * 1.001).right);
  EXPECT_FALSE(Compare(expected, at::zeros({})).right);
}

TEST_F(NumericsTest, BlocksOfSmallMagnitudeCountForThemselves) {
  const at::Tensor x = at::randn({4, 1024}) * at::tensor({1.0, 1e-3, 1e-6, 1e-9}).to(at::kFloat).view({4, 1});
  const Expected expected = ExpectFloat32([](const auto& in) { return at::tanh(in[0]); }, {x});
  at::Tensor candidate = at::tanh(x);
  EXPECT_TRUE(Compare(expected, candidate).right);
  candidate[3].zero_();
  EXPECT_FALSE(Compare(expected, candidate).right);
}

TEST_F(NumericsTest, NonFiniteValuesSitWhereEagerHasThem) {
  const at::Tensor x = at::randn({1000});
  x[3] = std::numeric_limits<float>::infinity();
  x[5] = std::numeric_limits<float>::quiet_NaN();
  x[7] = 200;   // exp overflows float32, not float64
  const Expected expected = ExpectFloat32([](const auto& in) { return at::exp(in[0]); }, {x});
  at::Tensor candidate = at::exp(x);
  EXPECT_TRUE(Compare(expected, candidate).right) << Compare(expected, candidate).reason;
  candidate[11] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(Compare(expected, candidate).code, "wrong_nan");
  candidate = at::exp(x);
  candidate[5] = 0;
  EXPECT_EQ(Compare(expected, candidate).code, "wrong_nan");
}

TEST_F(NumericsTest, JumpsWithinEagersErrorMayGoEitherWay) {
  const at::Tensor x = at::randn({512}) * 100;
  Evidence evidence{at::floor(x.to(at::kDouble)), at::floor(x), {}, {}, {}};
  at::Tensor jumped = evidence.exact.clone();
  jumped[17] += 1;
  evidence.jumped = {jumped};
  const Expected expected = MakeExpected(DType::kFloat32, evidence);
  at::Tensor candidate = at::floor(x);
  candidate[17] += 1;
  EXPECT_TRUE(Compare(expected, candidate).right);
  candidate[17] += 2;
  EXPECT_FALSE(Compare(expected, candidate).right);
  candidate = at::floor(x);
  candidate[18] += 1;
  EXPECT_FALSE(Compare(expected, candidate).right);
}

TEST_F(NumericsTest, IntegersAreExact) {
  const at::Tensor values = at::randint(0, 100, {1000});
  const Expected expected = MakeExpected(DType::kInt64, {values, values, {}, {}, {}});
  at::Tensor candidate = values.clone();
  EXPECT_TRUE(Compare(expected, candidate).right);
  candidate[999] += 1;
  EXPECT_EQ(Compare(expected, candidate).code, "wrong_integers");
}

TEST_F(NumericsTest, IndicesAreJudgedByWhatTheySelect) {
  const at::Tensor x = at::randn({10, 50});
  x[2][7] = 10;
  x[2][9] = 10;   // a tie: either index is right
  const at::Tensor best = x.argmax(1);
  Evidence evidence{best, best, {}, {}, Selection{x.to(at::kDouble), x, best, 1, false}};
  const Expected expected = MakeExpected(DType::kInt64, evidence);
  at::Tensor candidate = best.clone();
  candidate[2] = best[2].item<int64_t>() == 7 ? 9 : 7;
  EXPECT_TRUE(Compare(expected, candidate).right);
  candidate[2] = 8;
  EXPECT_EQ(Compare(expected, candidate).code, "wrong_integers");
  candidate[2] = 50;
  EXPECT_EQ(Compare(expected, candidate).code, "wrong_integers");
}

// cosh() of what float32 cannot hold: infinities that are all the same to eager, numbers that differ in float64.
TEST_F(NumericsTest, IndicesOfEqualInfinitiesAreAsGood) {
  const at::Tensor x = at::randn({4, 20}) * 10;
  for (const int64_t place : {3, 8, 15}) x[1][place] = 100 + place;
  const at::Tensor eager = at::cosh(x), exact = at::cosh(x.to(at::kDouble));
  const at::Tensor best = exact.argmax(1), chosen = eager.argmax(1);
  const Expected expected = MakeExpected(DType::kInt64, {best, best, {}, {}, Selection{exact, eager, chosen, 1, false}});
  at::Tensor candidate = best.clone();
  for (const int64_t place : {3, 8, 15}) {
    candidate[1] = place;
    EXPECT_TRUE(Compare(expected, candidate).right) << place;
  }
  candidate[1] = 4;
  EXPECT_EQ(Compare(expected, candidate).code, "wrong_integers");
}

// NaN and infinities of the exact values themselves.
TEST_F(NumericsTest, IndicesOfNanAreAsGood) {
  at::Tensor x = at::randn({2, 6});
  x[0][1] = x[0][4] = NAN;
  x[1][0] = x[1][5] = INFINITY;
  const at::Tensor best = x.argmax(1);
  const Expected expected = MakeExpected(DType::kInt64, {best, best, {}, {}, Selection{x.to(at::kDouble), x, best, 1, false}});
  for (const auto& [first, second, right] : {std::tuple(1, 0, true), std::tuple(4, 5, true), std::tuple(2, 5, false), std::tuple(4, 3, false)}) {
    at::Tensor candidate = best.clone();
    candidate[0] = first;
    candidate[1] = second;
    EXPECT_EQ(Compare(expected, candidate).right, right) << first << ", " << second;
  }
}

// A sort may order equals as it likes, but each of them comes once.
TEST_F(NumericsTest, PositionsOfASortAreDistinct) {
  at::Tensor x = at::randn({2, 6});
  x[0][1] = x[0][4] = 20;
  const at::Tensor order = std::get<1>(x.sort(1, /*descending=*/true));
  const Expected expected = MakeExpected(DType::kInt64, {order, order, {}, {}, Selection{x.to(at::kDouble), x, order, 1, true, true}});
  at::Tensor candidate = order.clone();
  candidate[0][0] = order[0][1];
  candidate[0][1] = order[0][0];
  EXPECT_TRUE(Compare(expected, candidate).right);
  candidate[0][0] = order[0][0];
  EXPECT_EQ(Compare(expected, candidate).code, "wrong_integers");
}

// One element of a block dwarfs the others, so that its error is the block's, and eager's happens to be small.
TEST_F(NumericsTest, AnErrorThatFewElementsCarryIsKnownBadly) {
  at::Tensor exact = at::randn({256}, at::kDouble);
  exact[17] = 1e15;
  at::Tensor eager = exact.to(at::kFloat), near = exact.clone(), far = exact.to(at::kFloat);
  eager[17] = 1e15 * (1 + 2e-6);
  near[17] = 1e15 * (1 + 2.5e-6);
  const Expected expected = MakeExpected(DType::kFloat32, {exact, eager, {near, near}, {}, {}});
  far[17] = 1e15 * (1 + 2e-5);   // eight times theirs
  EXPECT_TRUE(Compare(expected, far).right);
  far[17] = 1e15 * (1 + 1e-4);
  EXPECT_FALSE(Compare(expected, far).right);
}

TEST_F(NumericsTest, StridedCandidatesAreComparedByIndex) {
  const at::Tensor x = at::randn({30, 40});
  const Expected expected = ExpectFloat32([](const auto& in) { return at::exp(in[0]); }, {x});
  EXPECT_TRUE(Compare(expected, at::exp(x).t().contiguous().t()).right);
}

TEST_F(NumericsTest, EmptyResultsAreRight) {
  const at::Tensor empty = at::zeros({0, 4});
  EXPECT_TRUE(Compare(MakeExpected(DType::kFloat32, {empty.to(at::kDouble), empty, {}, {}, {}}), empty).right);
}

}  // namespace
}  // namespace drtriton
