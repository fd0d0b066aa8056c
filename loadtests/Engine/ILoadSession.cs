using Workbench;

namespace LoadTests.Engine;

/// <summary>
/// One user of the measured system. It performs one operation after the other, never two at the same time.
/// </summary>
internal interface ILoadSession : IAsyncDisposable
{
    /// <summary>Performs one operation and checks its answer.</summary>
    /// <remarks>
    /// Takes no token: to register one for each operation would cost the client more than to build the request. A step that hangs ends
    /// because the engine disposes the session; then the step throws.
    /// </remarks>
    /// <exception cref="WrongAnswerException">The answer is wrong.</exception>
    ValueTask StepAsync();

    /// <summary>The built-in engine calls it after each operation that did not fail.</summary>
    /// <param name="plannedAt">A timestamp of the stopwatch: in an open loop the planned start, in a closed loop the start.</param>
    void Answered(long plannedAt, long answeredAt)
    {
        // For most sessions the recorder is enough.
    }
}
