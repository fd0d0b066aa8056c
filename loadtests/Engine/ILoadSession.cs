namespace LoadTests.Engine;

/// <summary>
/// One user of what is measured: it performs one operation after the other, never two at a time.
/// </summary>
internal interface ILoadSession : IAsyncDisposable
{
    /// <summary>Performs one operation and checks its answer.</summary>
    /// <remarks>
    /// Takes no token: registering one for each operation would cost the client more than building the request. A step
    /// that hangs ends because the engine disposes the session, which makes it throw.
    /// </remarks>
    /// <exception cref="WrongAnswerException">The answer is not the one that was asked for.</exception>
    ValueTask StepAsync();

    /// <summary>Told after each operation, in an open loop.</summary>
    /// <param name="plannedAt">Timestamps of the stopwatch: when it was to begin.</param>
    void Answered(long plannedAt, long answeredAt)
    {
        // most sessions leave that to the recorder
    }
}
