using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;

namespace Chaos.Bulkheads;

/// <summary>Records when requests began, how long they took, and the status of their answers.</summary>
internal sealed class AnswerRecord
{
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly ConcurrentQueue<(TimeSpan At, TimeSpan Took, int Status)> _answers = new();

    public TimeSpan Now => _clock.Elapsed;

    /// <param name="at">The time when the request was sent.</param>
    /// <param name="status">The status of the answer; 0: there was no answer.</param>
    public void Add(TimeSpan at, int status) => _answers.Enqueue((at, _clock.Elapsed - at, status));

    /// <summary>The figures of each second, from the answers that arrived in it.</summary>
    public IReadOnlyList<Second> Seconds(TimeSpan from, TimeSpan until) =>
        [.. Enumerable.Range(0, (int)(until - from).TotalSeconds).Select(second =>
        {
            var begin = from + TimeSpan.FromSeconds(second);
            var took = _answers.Where(answer => answer.At + answer.Took >= begin && answer.At + answer.Took < begin + TimeSpan.FromSeconds(1))
                .Select(answer => answer.Took).Order().ToList();
            return new Second(took.Count, took.Count == 0 ? TimeSpan.Zero : took[(int)(0.99 * (took.Count - 1))]);
        })];

    public TimeSpan Slowest(TimeSpan from, TimeSpan until) => Within(from, until).Select(answer => answer.Took).DefaultIfEmpty().Max();

    /// <returns>The statuses that are not a success.</returns>
    public IReadOnlyList<int> Wrong(TimeSpan from, TimeSpan until) =>
        [.. Within(from, until).Select(answer => answer.Status).Where(status => status is not (200 or 201))];

    private IEnumerable<(TimeSpan At, TimeSpan Took, int Status)> Within(TimeSpan from, TimeSpan until) =>
        _answers.Where(answer => answer.At >= from && answer.At < until);

    internal sealed record Second(int Answers, TimeSpan P99)
    {
        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Answers} {P99.TotalMilliseconds:0}");
    }
}
