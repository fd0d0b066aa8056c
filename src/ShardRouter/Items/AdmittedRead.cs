using ShardRouter.Payload;
using ShardRouter.Shards;

namespace ShardRouter.Items;

/// <summary>Asks one server for several documents, which count as one part of the request's answer.</summary>
internal static class AdmittedRead
{
    /// <param name="read">Runs the statement. The pool may run it again on another connection.</param>
    public static async Task<T> RunAsync<T>(
        ShardPool pool, string name, AnswerAdmission admission, Func<ShardCall, AnswerAdmission.Part, Task<T>> read, CancellationToken deadline)
    {
        AnswerAdmission.Part? part = null;
        try
        {
            return await pool.RunAsync(
                name,
                writes: false,
                call =>
                {
                    part?.Undo(); // the attempt before has lost its connection
                    part = admission.NewPart();
                    return read(call, part);
                },
                deadline);
        }
        catch
        {
            part?.End(); // the server may still answer, and another one may be asked
            throw;
        }
    }
}
