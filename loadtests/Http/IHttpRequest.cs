using Workbench;

namespace LoadTests.Http;

/// <summary>One kind of request about one item, and the check of its answer.</summary>
internal interface IHttpRequest
{
    /// <returns>The number of the item that the next request is about.</returns>
    int Choose(Random random);

    /// <returns>The request's length.</returns>
    int Write(Span<byte> buffer, int item);

    /// <exception cref="Engine.WrongAnswerException">The answer is wrong.</exception>
    void Check(in HttpAnswer answer, int item);
}
