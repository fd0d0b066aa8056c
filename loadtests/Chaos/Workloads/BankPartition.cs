using System.Globalization;
using System.Text.Json;
using Chaos.Checkers;
using Chaos.Recording;

namespace Chaos.Workloads;

/// <summary>Accounts, and a ledger of the transactions that move money between them; for <see cref="BankChecker"/>.</summary>
/// <param name="accounts">The calls on the collection "bank".</param>
/// <param name="ledger">The calls on the collection "ledger".</param>
internal sealed class BankPartition(string key, PartitionRecorder recorder, ItemCalls accounts, ItemCalls ledger) : IWorkloadPartition
{
    private const int MaxTransfers = 150;

    /// <summary>
    /// The largest amount. Amounts differ much, and therefore few sets of transfers give the same balances. An account may be overdrawn.
    /// </summary>
    private const int MaxAmount = 10_000;

    /// <summary>The index of the ledger's row among a transfer's operations; the operations before it are on accounts.</summary>
    private const int LedgerOperation = 2;

    private static readonly Func<JsonElement, string> Owner = ListedItem.Owner("of");

    private readonly SemaphoreSlim _opening = new(1);
    private volatile bool _isOpen;
    private int _transfers;

    public string Key => key;

    public bool IsFull => _transfers > MaxTransfers;

    public async Task StepAsync(Random random)
    {
        if (!_isOpen)
            await OpenAsync(random);
        else if (random.NextDouble() is var choice and < 0.25)
            _ = choice < 0.05 ? await ReadLedgerAsync(random) : await ReadAccountsAsync(random);
        else
            await TransferAsync(random);
    }

    public async Task ReadLastAsync(CancellationToken cancellation)
    {
        if (!_isOpen)
            return; // nobody knows that the accounts were ever opened
        while (!await ReadAccountsAsync(Random.Shared) || !await ReadLedgerAsync(Random.Shared))
            await Task.Delay(100, cancellation);
    }

    public void Dispose()
    {
        recorder.Dispose();
        _opening.Dispose();
    }

    private async Task OpenAsync(Random random)
    {
        if (!await _opening.WaitAsync(0))
            return;
        try
        {
            var puts = Enumerable.Range(0, BankChecker.Accounts).Select(BankChecker.Account).Select(name => new
            {
                op = "put",
                collection = "bank",
                id = name,
                doc = new { balance = BankChecker.FirstBalance, of = WrittenValue.Of(key, name) },
                ifNoneMatch = "*",
            });
            var body = JsonSerializer.Serialize(new { pk = key, ops = puts });
            var answer = await accounts.TransactAsync(random, OperationKind.Create, WrittenValue.Of(key, "open"), body, _ => false);
            _isOpen |= answer.Outcome == OperationOutcome.Ok || answer.IsRefused; // refused: an earlier opening was applied after all
        }
        finally
        {
            _opening.Release();
        }
    }

    private async Task TransferAsync(Random random)
    {
        var from = random.Next(BankChecker.Accounts);
        var to = (from + 1 + random.Next(BankChecker.Accounts - 1)) % BankChecker.Accounts;
        var (source, target, amount) = (BankChecker.Account(from), BankChecker.Account(to), random.Next(1, MaxAmount));
        var id = string.Create(CultureInfo.InvariantCulture, $"t{Interlocked.Increment(ref _transfers)}:{source}:{target}:{amount}");
        var row = WrittenValue.Of(key, id);
        object[] operations =
        [
            new { op = "increment", collection = "bank", id = source, path = "balance", by = -amount, ifMatch = "*" },
            new { op = "increment", collection = "bank", id = target, path = "balance", by = amount, ifMatch = "*" },
            new { op = "put", collection = "ledger", id, doc = new { amount, of = row }, ifNoneMatch = "*" },
        ];
        var answer = await accounts.TransactAsync(random, OperationKind.Transfer, row, JsonSerializer.Serialize(new { pk = key, ops = operations }), FoundNoAccount);
        if (answer.IsRefused && FoundNoAccount(answer))
            _isOpen = false; // a shard that lost commits may have lost the opening
    }

    private static bool FoundNoAccount(ApiAnswer refusal) =>
        refusal.Json(problem => problem.TryGetProperty("failedOp", out var place) && place.GetInt32() < LedgerOperation);

    private Task<bool> ReadAccountsAsync(Random random) => accounts.ScanAsync(
        random, OperationKind.Read, item => string.Create(CultureInfo.InvariantCulture, $"{Owner(item)}={item.GetProperty("doc").GetProperty("balance").GetInt32()}"));

    private Task<bool> ReadLedgerAsync(Random random) => ledger.ScanAsync(random, OperationKind.ReadLedger, Owner);
}
