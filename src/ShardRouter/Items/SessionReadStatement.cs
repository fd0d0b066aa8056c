using ShardRouter.Consistency;
using ShardRouter.Gathering;
using ShardRouter.Keys;
using ShardRouter.Outcomes;
using ShardRouter.Payload;
using ShardRouter.Shards;

namespace ShardRouter.Items;

/// <summary><see cref="ReadItemsStatement"/> for reads of sessions, with the checks before and after it. It runs at standbys too.</summary>
internal sealed class SessionReadStatement(ShardSession session, AnswerAdmission.Part? admission = null, Func<Task>? end = null)
    : IGatheredStatement<SessionRead, SessionItem>
{
    private readonly ReadItemsStatement _read = new(session, admission, end, withLog: true);
    private readonly ReadCheck _check = new(session);

    public async Task<Fenced<SessionItem>[]> ExecuteAsync(IReadOnlyList<SessionRead> operations)
    {
        var answers = new Fenced<SessionItem>[operations.Count];
        var refusals = await _check.BeforeAsync([.. operations.Select(read => read.Session)]);
        var open = Enumerable.Range(0, operations.Count).Where(i => refusals[i] is null).ToArray();
        var read = open.Length == 0 ? [] : await _read.ExecuteAsync([.. open.Select(i => operations[i].Key)]);
        for (var i = 0; i < open.Length; i++)
        {
            var (session, slot) = (operations[open[i]].Session, operations[open[i]].Key.Slot);
            refusals[open[i]] = _check.After(session, _read.Reading!, read[i].Refusal is null ? (slot, _read.Epochs[i]) : null);
            if (read[i].Refusal is { } fenced)
                answers[open[i]] = Fenced<SessionItem>.Refused(fenced);
            else
                answers[open[i]] = Fenced<SessionItem>.Answer(new SessionItem(read[i].Value, null));
        }
        for (var i = 0; i < answers.Length; i++)
            if (refusals[i] is { } refusal)
                answers[i] = Fenced<SessionItem>.Answer(new SessionItem(null, refusal));
        return answers;
    }

    public ValueTask DisposeAsync() => _read.DisposeAsync();
}

/// <summary>An item that a session reads.</summary>
internal sealed record SessionRead(ItemKey Key, RequestSession Session);

/// <summary>A server's answer to a <see cref="SessionRead"/>.</summary>
/// <param name="Item">Null: there is no such item.</param>
/// <param name="Refusal">Not null: this session must not get the answer.</param>
internal readonly record struct SessionItem(Item? Item, ReadRefusal? Refusal);
