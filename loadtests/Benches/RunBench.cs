using LoadTests.Engine;

namespace LoadTests.Benches;

/// <summary>Runs a bench and writes its report.</summary>
/// <returns>The exit code.</returns>
internal delegate Task<int> RunBench(IBench bench, BenchOptions options, ILoadEngine engine, CancellationToken interrupt);
