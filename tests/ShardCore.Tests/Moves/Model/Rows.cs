namespace ShardCore.Tests.Moves.Model;

/// <summary>The history of the slot's two rows. A is there at the start, is changed and then deleted; B is inserted and changed.</summary>
internal static class Rows
{
    public const int Absent = 0;
    /// <summary>What stood in the slot at the target before the move: a row that only the target has.</summary>
    public const int Residue = 3;
    /// <summary>Writers.</summary>
    public const int Count = 2;

    private static readonly int[][] Histories = [[1, 2, Absent], [Absent, 1, 2]];

    /// <param name="row">0 is A, 1 is B.</param>
    /// <param name="write">The number of the last write; 0: none yet.</param>
    /// <returns>The row's content, or <see cref="Absent"/>.</returns>
    public static int Of(int row, int write) => Histories[row][write];

    /// <returns>The write that makes of the row what it is.</returns>
    public static int WriteOf(int row, int content) => Array.IndexOf(Histories[row], content);
}
